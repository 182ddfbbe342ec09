"""Signing from the command line: real keys, a real repository, two people."""

import base64
import datetime as dt
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from regml.cli import main
from regml.records.keys import personal_key, public_pem
from tests.factories import POLICY

CONFIG = """\
[device]
name = "Device"
version = "1.0"
manufacturer = "Maker"
safety_class = "B"
class_rationale = "a test"
documentation_level = "Basic"
documentation_rationale = "a test"
intended_use = "tests"
users = "tests"
not_for = []

[sources]
software = ["device"]
lock = "requirements.txt"
"""

NEED = "---\ntitle: Fast volume\n---\nClinicians need volumes fast.\n"
REQUIREMENT = """\
---
title: Volumes
category: functional
refines: [UN-01]
---
The software shall compute volumes in mm3.
"""
SRS = "requirements_srs/software/SRS-001.md"
UN = "requirements_srs/needs/UN-01.md"
TOMORROW = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)).isoformat()
PEOPLE = {"Dora": '["developer"]', "Quinn": '["quality"]'}


class Terminal(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


class Done(NamedTuple):
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Team:
    """A project in git with a developer, Dora, and a quality engineer, Quinn."""

    root: Path
    homes: Path

    def env(self, person: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        kept.pop("SOURCE_DATE_EPOCH", None)
        email = f"{person.lower()}@example.org"
        return {
            **kept,
            "HOME": str(self.homes / person),
            "XDG_CONFIG_HOME": str(self.homes / person),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": person,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_COMMITTER_NAME": person,
            "GIT_COMMITTER_EMAIL": email,
        }

    def regml(
        self, *arguments: str, by: str = "Quinn", types: str = "", **env: str
    ) -> Done:
        """Run the command in this process: what is typed goes in, status comes out."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.env(by).keys():
                patch.delenv(name)
            for name, value in (self.env(by) | env).items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            patch.setattr(sys, "argv", ["regml", *arguments])
            patch.setattr(sys, "stdin", Terminal(types) if types else io.StringIO())
            with redirect_stdout(out), redirect_stderr(err):
                status = main()
        return Done(status, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, by: str = "Quinn") -> str:
        done = self.regml(*arguments, by=by)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def git(self, *arguments: str, by: str = "Dora") -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env=self.env(by),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def commit(self, message: str, *, by: str = "Dora") -> str:
        self.git("add", "--all", by=by)
        self.git("commit", "--quiet", "--allow-empty", "-m", message, by=by)
        return self.git("rev-parse", "HEAD").strip()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def findings(self, rule: str, **env: str) -> list[dict[str, Any]]:
        done = self.regml("check", "--rule", rule, "--format", "json", **env)
        [outcome] = json.loads(done.stdout)
        counting = [f for f in outcome["findings"] if not f["waived_by"]]
        assert done.returncode == int(bool(counting))
        found: list[dict[str, Any]] = outcome["findings"]
        return found


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = Team(tmp_path / "project", tmp_path / "homes")
    made.root.mkdir()
    signers = ""
    for person, roles in PEOPLE.items():
        (made.homes / person).mkdir(parents=True)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(made.homes / person))
        signers += (
            f'\n[[signers]]\nname = "{person}"\nemail = "{person.lower()}@example.org"'
            f'\nroles = {roles}\npublic_key = """\n{public_pem(personal_key())}"""\n'
        )
    made.write("regml.toml", CONFIG + signers)
    made.write(UN, NEED)
    made.write(SRS, REQUIREMENT)
    made.write("requirements.txt", "")
    made.write("device/volume.py", "# regml: implements SRS-001\n")
    made.write("risk/policy.yaml", yaml.safe_dump(POLICY.model_dump(mode="json")))
    made.write(".gitignore", ".regml/\n")
    made.git("init", "--quiet")
    made.commit("Begin")
    return made


def test_a_suspect_link_shows_what_changed_since_the_approval(team: Team) -> None:
    team.ok("approve", "SRS-001", "--meaning", "approval")
    team.commit("Approve")
    assert team.findings("C11") == team.findings("T12") == team.findings("C12") == []
    team.edit(UN, "Fast volume", "Quick volume")
    team.edit(SRS, "in mm3.", "in ml.")
    [finding] = team.findings("T12")
    assert finding["details"] == ['UN-01 title: "Fast volume" -> "Quick volume"']
    shown = team.regml("check", "--rule", "C11").stdout
    assert "SRS-001 changed since Quinn signed it" in shown
    assert (
        'text: "The software shall compute volumes in mm3.\n' not in shown
    )  # several lines would be a difference of lines
    assert "in mm3." in shown
    assert "in ml." in shown


def test_an_edited_content_in_an_approval_is_refused(team: Team) -> None:
    path = team.ok("approve", "SRS-001", "--meaning", "approval").strip()
    record = team.root / path
    envelope = json.loads(record.read_bytes())
    payload = base64.b64decode(envelope["payload"]).decode()
    forged = payload.replace("Fast volume", "Slow volume")
    assert forged != payload
    envelope["payload"] = base64.b64encode(forged.encode()).decode()
    record.write_text(json.dumps(envelope), encoding="utf-8")
    [finding] = team.findings("C14")
    assert "edited" in finding["message"]
    assert team.regml("verify").returncode == 1


def test_an_approval_in_a_role_that_has_not_to_give_it_is_refused(team: Team) -> None:
    done = team.regml("approve", "SRS-001", "--meaning", "approval", by="Dora")
    assert done.returncode == 2
    assert "Dora cannot approve SRS-001 as developer: quality has to" in done.stderr
    assert "ask Quinn, or correct [approvals]" in done.stderr
    assert not (team.root / "records").exists()
    team.ok("approve", "SRS-001", "--meaning", "review", by="Dora")


def test_regml_toml_says_which_roles_have_to_approve_what(team: Team) -> None:
    team.write(
        "regml.toml",
        '[approvals]\nSRS = ["developer", "quality"]\n\n'
        + (team.root / "regml.toml").read_text(encoding="utf-8"),
    )
    team.commit("Both")
    team.ok("approve", "SRS-001", "--meaning", "approval", by="Dora")
    author, lacking = team.findings("C12")
    assert "but not yet by quality" in lacking["message"]
    assert "Dora is the author" in author["message"]
    team.ok("approve", "SRS-001", "--meaning", "approval")
    assert team.findings("C12") == []


def test_an_unknown_kind_in_the_table_of_approvals_is_refused(team: Team) -> None:
    team.edit("regml.toml", "[sources]", '[approvals]\nSSR = ["quality"]\n\n[sources]')
    done = team.regml("check")
    assert done.returncode == 2
    assert "'SSR' is no kind of item" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["SRS-009"], "SRS-009"),
        (["--all", "foo"], "no kind 'foo'"),
        (["--all", "risk"], "no item of kind 'risk'"),
        ([], "Say what to sign"),
        (["doc:99-none"], "doc:99-none"),
    ],
)
def test_what_is_not_there_cannot_be_signed(
    team: Team, arguments: list[str], says: str
) -> None:
    done = team.regml("approve", *arguments, "--meaning", "approval")
    assert done.returncode == 2
    assert says in done.stderr


def test_all_items_of_a_kind_are_shown_before_they_are_signed(team: Team) -> None:
    asked = team.regml("approve", "--all", "srs", "--meaning", "approval")
    assert asked.returncode == 2
    assert "SRS-001  Volumes" in asked.stderr
    assert "never signed" in asked.stderr
    assert "add --yes" in asked.stderr
    signed = team.regml("approve", "--all", "srs", "--meaning", "approval", "--yes")
    assert (signed.returncode, "signed 1 item " in signed.stderr) == (0, True)


def test_at_a_terminal_one_is_asked(team: Team) -> None:
    command = ("approve", "--all", "srs", "--all", "un", "--meaning", "approval")
    refused = team.regml(*command, types="n\n")
    assert (refused.returncode, "Sign these 2 items" in refused.stderr) == (2, True)
    assert not (team.root / "records").exists()
    assert team.regml(*command, types="y\n").returncode == 0


def test_the_author_cannot_be_the_only_approver(team: Team) -> None:
    team.edit(SRS, "Volumes", "All volumes")
    team.commit("Quinn writes", by="Quinn")
    team.ok("approve", "SRS-001", "--meaning", "approval")
    [finding] = team.findings("C12")
    assert "Quinn is the author of SRS-001" in finding["message"]
    assert finding["severity"] == "major"
    team.ok("approve", "SRS-001", "--meaning", "authorship", by="Dora")
    assert team.findings("C12") == []


def test_an_approval_of_what_nobody_committed_has_no_known_author(team: Team) -> None:
    team.edit(SRS, "Volumes", "All volumes")
    team.ok("approve", "SRS-001", "--meaning", "approval")
    [finding] = team.findings("C12")
    assert "was never committed" in finding["message"]
    team.commit("Dora wrote it")
    assert team.findings("C12") == []


def test_a_waived_finding_is_printed_and_does_not_count(team: Team) -> None:
    assert [f["subject"] for f in team.findings("T03")] == ["SRS-001"]
    team.ok(
        "waive", "T03", "SRS-001", "--until", TOMORROW, "--because", "Test comes next"
    )
    [finding] = team.findings("T03")
    assert finding["waived_until"] == TOMORROW
    done = team.regml("check", "--rule", "T03")
    assert done.returncode == 0
    assert f"waived until {TOMORROW} by Quinn (quality): Test comes next" in done.stdout
    assert "SRS-001" in team.ok("list", "waivers")
    assert "holds" in team.ok("list", "waivers")
    name = json.loads(team.ok("list", "waivers", "--format", "json"))[0]["id"]
    assert "Test comes next" in team.ok("show", name)
    assert team.regml("verify").returncode == 0


def test_a_waiver_in_another_role_is_refused(team: Team) -> None:
    reason = ("--until", TOMORROW, "--because", "Later")
    done = team.regml("waive", "T03", "SRS-001", *reason, by="Dora")
    assert done.returncode == 2
    assert "Dora cannot waive what is found on SRS-001 as developer" in done.stderr
    assert "[approvals]" not in done.stderr  # it settles nothing here


def test_nobody_waives_what_is_found_about_their_own_signature(team: Team) -> None:
    team.edit(SRS, "Volumes", "All volumes")
    team.commit("Quinn writes", by="Quinn")
    team.ok("approve", "SRS-001", "--meaning", "approval")
    reason = ("--until", TOMORROW, "--because", "There are two of us")
    done = team.regml("waive", "C12", "SRS-001", *reason)
    assert done.returncode == 2
    assert "Quinn signed SRS-001 and cannot waive what C12 says" in done.stderr


def test_an_expired_waiver_fails_the_check(team: Team) -> None:
    team.ok("waive", "T03", "SRS-001", "--until", TOMORROW, "--because", "Later")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    [finding] = team.findings("T03", SOURCE_DATE_EPOCH=str(int(soon.timestamp())))
    assert finding["waived_by"] is None
    assert f"it ended on {TOMORROW}" in finding["message"]


def test_a_waiver_of_a_changed_item_fails_the_check(team: Team) -> None:
    team.ok("waive", "T03", "SRS-001", "--until", TOMORROW, "--because", "Later")
    team.edit(SRS, "Volumes", "All volumes")
    [finding] = team.findings("T03")
    assert "SRS-001 changed since" in finding["message"]


@pytest.mark.parametrize(
    ("arguments", "by", "says"),
    [
        (["T99", "SRS-001"], "Quinn", "no rule 'T99'"),
        (["T03", "SRS-999"], "Quinn", "SRS-999 does not exist"),
        (["T03", "UN-01"], "Quinn", "UN-01 has no finding of T03 to waive"),
        (["T03", "SRS-001"], "Dora", "as developer: quality has to"),
    ],
)
def test_a_waiver_that_could_not_hold_is_refused(
    team: Team, arguments: list[str], by: str, says: str
) -> None:
    done = team.regml("waive", *arguments, "--until", TOMORROW, "--because", "x", by=by)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not (team.root / "records" / "waivers").exists()


@pytest.mark.parametrize(
    ("until", "because", "says"),
    [
        ("2020-01-01", "x", "2020-01-01 is past"),
        (TOMORROW, "  ", "needs a reason"),
        ("someday", "x", "someday"),
    ],
)
def test_a_waiver_needs_a_day_to_come_and_a_reason(
    team: Team, until: str, because: str, says: str
) -> None:
    done = team.regml("waive", "T03", "SRS-001", "--until", until, "--because", because)
    assert (done.returncode, says in done.stderr) == (2, True)


CHANGE = """\
---
title: Other unit
raised: 2026-01-02
reason: Asked for
changes: [SRS-001]
---
"""


def test_commits_need_an_approved_change_request(team: Team) -> None:
    base = team.git("rev-parse", "HEAD").strip()
    team.edit(
        "regml.toml", "[sources]", f'[change_control]\nsince = "{base}"\n\n[sources]'
    )
    first = team.commit("Begin change control")
    team.write("maintenance/changes/CR-001.md", CHANGE)
    team.commit("Raise a request")
    team.write("device/volume.py", "# regml: implements SRS-001\nunit = 1\n")
    second = team.commit("Count in ml\n\nChange: CR-001")
    found = {f["subject"]: f["message"] for f in team.findings("C06")}
    assert set(found) == {f"commit@{first[:12]}", f"commit@{second[:12]}"}
    assert "without naming a change request" in found[f"commit@{first[:12]}"]
    assert "CR-001 is not approved as it is" in found[f"commit@{second[:12]}"]
    team.ok("approve", "CR-001", "--meaning", "approval")
    team.commit("Approve")
    [finding] = team.findings("C06")
    assert finding["subject"] == f"commit@{first[:12]}"
    team.ok(
        "waive",
        "C06",
        f"commit@{first[:12]}",
        "--until",
        TOMORROW,
        "--because",
        "Change control began here",
    )
    assert team.regml("check", "--rule", "C06").returncode == 0


def test_an_earlier_state_knows_only_its_own_commits(team: Team) -> None:
    base = team.git("rev-parse", "HEAD").strip()
    team.edit(
        "regml.toml", "[sources]", f'[change_control]\nsince = "{base}"\n\n[sources]'
    )
    first = team.commit("Begin change control")
    team.write("device/volume.py", "unit = 1\n")
    team.commit("Second")
    done = team.regml("check", "--rule", "C06", "--at", first, "--format", "json")
    assert [f["subject"] for f in json.loads(done.stdout)[0]["findings"]] == [
        f"commit@{first[:12]}"
    ]


@pytest.mark.parametrize("since", ["v9", "HEAD"])
def test_a_beginning_that_is_no_fixed_point_is_a_finding(
    team: Team, since: str
) -> None:
    begin = f'[change_control]\nsince = "{since}"\n\n[sources]'
    team.edit("regml.toml", "[sources]", begin)
    [finding] = team.findings("C06")
    assert f"begin with {since}, which is no tag and no commit" in finding["message"]


DOCUMENT = """\
---
id: requirements
number: "05"
title: Requirements
purpose: Lists them.
clauses: [IEC 62304 5.2]
owner: quality
approvers: [quality]
items: [SRS, UN]
---
"""


def test_a_document_tells_which_of_its_items_changed_and_how(team: Team) -> None:
    team.write("dhf_templates/05.md.j2", DOCUMENT)
    team.commit("Plan a document")
    team.ok("approve", "SRS-001", "doc:05-requirements", "--meaning", "approval")
    assert team.findings("C11") == []
    team.edit(UN, "Fast volume", "Quick volume")
    team.write(UN.replace("01", "02"), NEED)
    [finding] = team.findings("C11")
    assert finding["subject"] == "doc:05-requirements"
    assert finding["details"] == [
        'UN-01 title: "Fast volume" -> "Quick volume"',
        "UN-02 was added",
    ]
    team.write("dhf_templates/05.md.j2", DOCUMENT + "More.\n")
    [finding] = team.findings("C11")
    assert finding["details"][0] == "its template changed"


def test_impact_since_a_revision_tells_what_differs_and_why(team: Team) -> None:
    base = team.git("rev-parse", "HEAD").strip()
    team.edit(UN, "Fast volume", "Quick volume")
    team.write("device/volume.py", "# regml: implements SRS-001\nunit = 1\n")
    team.commit("Change")
    told = json.loads(team.ok("impact", "--since", base, "--format", "json"))
    found = {
        s["title"]: {row["id"]: row["why"] for row in s["table"]}
        for s in told["sections"][:-1]
    }
    assert found["Changed"] == {
        "UN-01": "changed",
        "device/volume.py": "device/volume.py changed",
    }
    assert found["Items to look at again"] == {"SRS-001": "SRS-001 refines UN-01"}
    assert team.ok("impact", "--since", "HEAD").count("nothing") == 7


def test_impact_of_a_name_and_since_a_revision_are_two_questions(team: Team) -> None:
    assert team.regml("impact").returncode == 2
    assert team.regml("impact", "SRS-001", "--since", "HEAD").returncode == 2
    assert team.regml("impact", "SRS-009").returncode == 2
    assert team.regml("impact", "--since", "nowhere").returncode == 2
    assert team.regml("impact", "--since", "--all").returncode == 2
    assert "## Tests and protocols" in team.ok("impact", UN, "--format", "markdown")
