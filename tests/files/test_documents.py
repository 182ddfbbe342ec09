"""Templates and their front matter."""

from pathlib import Path

import pytest

from regml.errors import BrokenFileError, ConfigError
from regml.files.documents import parse_plan, read_parts, read_plans

FRONT = """\
---
id: notes
number: "07"
title: Notes
purpose: Says something.
owner: quality
approvers: [quality]
---
"""


def test_a_plan_knows_where_its_body_begins() -> None:
    plan = parse_plan("dhf_templates/x.md.j2", FRONT + "Hello\n")
    assert (plan.name, plan.body, plan.first_line) == ("07-notes", "Hello\n", 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello\n", "does not begin with front matter"),
        (FRONT.replace("owner: quality\n", ""), "lacks the key 'owner'"),
        (FRONT.replace("title", "titel"), "x.md.j2:4: has an unknown key 'titel'"),
        (FRONT.replace('"07"', '"7"'), "'number'"),
        (FRONT.replace("[quality]", "[qualty]"), "'approvers.0'"),
        (FRONT.replace("[quality]", "[]"), "'approvers'"),
    ],
)
def test_a_wrong_front_matter_names_file_and_key(text: str, message: str) -> None:
    with pytest.raises(BrokenFileError, match=message):
        parse_plan("dhf_templates/x.md.j2", text)


def test_two_documents_cannot_share_a_number(tmp_path: Path) -> None:
    folder = tmp_path / "dhf_templates"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.md.j2").write_text(FRONT)
    with pytest.raises(BrokenFileError, match="has the number 07, as has"):
        read_plans(tmp_path)


def test_a_template_is_no_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "dhf_templates").mkdir()
    (tmp_path / "elsewhere").write_text(FRONT)
    (tmp_path / "dhf_templates/07.md.j2").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BrokenFileError, match=r"07\.md\.j2: is a symbolic link"):
        read_plans(tmp_path)


def test_a_project_without_templates_says_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="regml init"):
        read_plans(tmp_path)


def test_the_templates_of_the_example_are_planned_in_order() -> None:
    root = Path(__file__).parents[2]
    numbers = [plan.number for plan in read_plans(root)]
    assert numbers == sorted(numbers)
    assert {"00", "03", "05", "06", "09", "11", "14", "15", "16", "19"} <= set(numbers)
    assert {"21", "22", "29"} <= set(numbers)
    assert sorted(read_parts(root)) == ["_item.md.j2", "_run.md.j2"]
