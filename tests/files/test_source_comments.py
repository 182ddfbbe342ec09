"""What source files say that they implement."""

import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regml.files.source_comments import (
    ENDINGS,
    SourceMark,
    UnreadSource,
    comments_in,
    read_comments,
)

SAYS = "regml: implements"


def found(source: str, path: str) -> list[tuple[int, str]]:
    said = list(comments_in(source, path=path))
    assert all(isinstance(one, SourceMark) for one in said), said
    return [(one.line, one.id) for one in said if isinstance(one, SourceMark)]


PYTHON = f'''\
"""# {SAYS} SRS-901"""
text = "# {SAYS} SRS-902"  # {SAYS} SRS-001
# {SAYS} SRS-002, SRS-003 and SRS-004 SRS-005: see there
def function():
    return f"{{text}} # {SAYS} SRS-903"
'''
C = f"""\
const char *a = "// {SAYS} SRS-901 \\" // {SAYS} SRS-902"; // {SAYS} SRS-001
auto b = R"x(// {SAYS} SRS-903 )" // {SAYS} SRS-904 )x"; int n = 1'000'000;
/*
 * {SAYS} SRS-002
 * {SAYS} SRS-003 */ char c = '"'; // {SAYS} SRS-004
// long \\
   {SAYS} SRS-005
"""
YAML = f"""\
a: "# {SAYS} SRS-901"  # {SAYS} SRS-001
b: |  # {SAYS} SRS-002
  # {SAYS} SRS-902
  text
# {SAYS} SRS-003
c: 'it''s # {SAYS} SRS-903'
d: x#y
"""
SHELL = f"""\
#!/bin/sh
echo "# {SAYS} SRS-901" '# {SAYS} SRS-902' # {SAYS} SRS-001
echo $# ${{#PATH}} a#b
cat <<'END'
# {SAYS} SRS-903
END
  # {SAYS} SRS-002
"""
SCRIPT = f"const a = `// {SAYS} SRS-901`; // {SAYS} SRS-001\n"
MARKUP = f"<p>{SAYS} SRS-901</p>\n<!--\n{SAYS} SRS-001 -->\n"


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        (
            "a.py",
            PYTHON,
            [(2, "SRS-001"), *((3, f"SRS-00{n}") for n in (2, 3, 4, 5))],
        ),
        (
            "a.cpp",
            C,
            [
                *((1, "SRS-001"), (4, "SRS-002"), (5, "SRS-003"), (5, "SRS-004")),
                (7, "SRS-005"),
            ],
        ),
        ("a.yaml", YAML, [(1, "SRS-001"), (2, "SRS-002"), (5, "SRS-003")]),
        ("run.sh", SHELL, [(2, "SRS-001"), (7, "SRS-002")]),
        ("run", SHELL, [(2, "SRS-001"), (7, "SRS-002")]),
        ("a.ts", SCRIPT, [(1, "SRS-001")]),
        ("a.html", MARKUP, [(3, "SRS-001")]),
        ("Makefile", f"# don't\nall: # {SAYS} SRS-001\n", [(2, "SRS-001")]),
        ("a.toml", f'a = "# {SAYS} SRS-901" # {SAYS} SRS-001\n', [(1, "SRS-001")]),
        ("a.sh.in", f"# {SAYS} SRS-001\n", [(1, "SRS-001")]),
    ],
)
def test_only_comments_count(
    path: str, source: str, expected: list[tuple[int, str]]
) -> None:
    assert found(source, path) == expected


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("a.py", f"# {SAYS} requirement one\n".encode(), "the comment says 'regml: im"),
        ("a.c", f"// {SAYS} SRS-001b\n".encode(), "SRS-001b"),
        ("a.py", b"x = 1\n# regml: implement SRS-001\n", "regml: implement SRS-001"),
        (
            "a.py",
            f"x = '''\n# {SAYS} SRS-001\n".encode(),
            "cannot be told from its code",
        ),
        ("a.yaml", f"a: b: c # {SAYS} SRS-001".encode(), "cannot be told from its"),
        ("a.c", b"int a;\n// \xe4\n", "not UTF-8 (byte 10)"),
        ("a.odd", f"% {SAYS} SRS-001\n".encode(), "not known how comments look"),
        ("a.bin", f"\xff\xfe {SAYS} SRS-001".encode("latin-1"), "seems to name items"),
        ("absent.py", None, "cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_understood_is_reported(
    tmp_path: Path, path: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / path).write_bytes(content)
    comments = read_comments(tmp_path, [path])
    assert comments.marks == ()
    [unread] = comments.unread
    assert why in unread.why


@pytest.mark.parametrize(
    "line",
    [
        "REGML: implements SRS-001",
        "regml implements SRS-001",
        "regml: Implements: SRS-001",
        "regml: verifies SRS-001",
    ],
)
def test_what_was_meant_and_is_written_otherwise_is_reported(line: str) -> None:
    [said] = comments_in(f"x = 1\n# {line}\n", path="a.py")
    assert isinstance(said, UnreadSource)
    assert (said.line, line in said.why) == (2, True)


@pytest.mark.parametrize(
    "more", ["; SRS-002", " / SRS-002", ", SRS002", "..SRS-003", " to SRS-003"]
)
def test_ids_that_would_be_lost_are_reported(more: str) -> None:
    said = list(comments_in(f"// {SAYS} SRS-001{more}\n", path="a.c"))
    assert SourceMark("a.c", 1, "SRS-001") in said
    assert any(isinstance(one, UnreadSource) and more in one.why for one in said)


@pytest.mark.parametrize(
    "text",
    [
        f"{SAYS} SRS-001: the limits of SRS-002 hold too",
        f"{SAYS} SRS-001, see ISO-8601",
        "regml implements its own parser",
        "regml: is called by DVC",
    ],
)
def test_prose_is_left_alone(text: str) -> None:
    said = comments_in(f"# {text}\n", path="a.py")
    assert not [one for one in said if isinstance(one, UnreadSource)]


def test_what_has_no_comments_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(range(256)))
    (tmp_path / "notes.odd").write_text("regml: is a tool\n")
    comments = read_comments(tmp_path, ["weights.bin", "notes.odd"])
    assert (comments.marks, comments.unread) == ((), ())


def test_marks_are_sorted_by_file_and_line(tmp_path: Path) -> None:
    for name in ("b.c", "a.py"):
        sign = "//" if name == "b.c" else "#"
        (tmp_path / name).write_text(f"{sign} {SAYS} SRS-001\r\n{sign} {SAYS} SRS-02")
    marks = read_comments(tmp_path, ["b.c", "a.py"]).marks
    assert [(mark.path, mark.line) for mark in marks] == [
        *(("a.py", 1), ("a.py", 2)),
        *(("b.c", 1), ("b.c", 2)),
    ]


@given(
    st.sampled_from(sorted(ENDINGS)),
    st.text(st.sampled_from("#/*'\"`\\\n<->R()x: $|>EOFregml") | st.characters()),
)
def test_no_text_makes_the_reader_stumble(ending: str, text: str) -> None:
    source = f"{text}\n# {SAYS} SRS-001\n{text}"
    for said in comments_in(source, path=f"a{ending}"):
        assert isinstance(said, SourceMark | UnreadSource)
        assert 1 <= said.line <= source.count("\n") + 2


@given(st.text(st.characters(exclude_characters="\r\n\x0c", codec="utf-8")))
def test_a_python_string_is_never_a_comment(text: str) -> None:
    source = f"a = {text + f'# {SAYS} SRS-009'!r}\n# {SAYS} SRS-001\n"
    list(tokenize.generate_tokens(iter(source.splitlines(True)).__next__))
    assert found(source, "a.py") == [(2, "SRS-001")]
