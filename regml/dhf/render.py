"""From planned documents and computed values to Markdown.

The environment is sandboxed and strict: a template that asks for something that is not
there, or tries to compute with Python, is an error that names its file and line.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from regml.dhf.markdown import IDS, Writer, code_block, printable
from regml.dhf.table import table
from regml.errors import BrokenFileError
from regml.items.documents import DocumentPlan


@dataclass(frozen=True, slots=True)
class Build:
    """The state of the project that documents are built from.

    Attributes:
        device: Name and version.
        manufacturer: Who answers for it.
        commit: Commit of the work tree; ``None`` before the first one.
        committed_utc: When it was made; empty when there is none.
        epoch: The same in seconds since 1970; the only time a document knows.
        dirty: Files that differ from the commit.
        heads: Heads of the record log.
        program: Name and version of regml.
        documents: Fingerprint of each document that is built, by id.
    """

    device: str
    manufacturer: str
    commit: str | None
    committed_utc: str
    epoch: int
    dirty: tuple[str, ...]
    heads: tuple[str, ...]
    program: str
    documents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """One rendered document.

    Attributes:
        plan: What it was planned as.
        markdown: Its whole text.
        mentions: Ids it names, sorted.
    """

    plan: DocumentPlan
    markdown: str
    mentions: tuple[str, ...]


def render_documents(
    plans: Iterable[DocumentPlan],
    *,
    parts: Mapping[str, str],
    values: Mapping[str, Any],
    writer: Writer,
    build: Build,
    sources: Callable[[DocumentPlan, str], Iterable[tuple[str, str]]],
) -> tuple[Document, ...]:
    """Lay out every document.

    Args:
        plans: The documents.
        parts: Templates that others include, by file name.
        values: What templates may name.
        writer: Writes what they put out.
        build: The state all of it comes from.
        sources: Gives path and SHA-256 of each file behind the body of a document.

    Raises:
        BrokenFileError: A template is wrong; names its line.
    """
    env = environment(writer, parts)
    documents = []
    for plan in plans:
        body = _body(env, plan, values)
        mentions = tuple(sorted(set(IDS.findall(body))))
        head = _head(plan, build, writer)
        origin = _origin(build, sources(plan, body), writer)
        text = "\n\n".join(part.strip("\n") for part in (head, body, origin)) + "\n"
        documents.append(Document(plan, text, mentions))
    return tuple(documents)


def environment(
    writer: Writer, parts: Mapping[str, str]
) -> ImmutableSandboxedEnvironment:
    """Return the environment in which templates run."""
    env = ImmutableSandboxedEnvironment(
        loader=DictLoader(parts),
        undefined=StrictUndefined,
        finalize=writer.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # finalize escapes for Markdown
    )
    env.filters |= {
        "prose": writer.prose,
        "table": writer.table,
        "lines": writer.lines,
    }
    env.globals = {"figure": writer.figure}
    return env


def _body(
    env: ImmutableSandboxedEnvironment, plan: DocumentPlan, values: Mapping[str, Any]
) -> str:
    try:
        return env.from_string(plan.body).render(document=plan, **values)
    except TemplateSyntaxError as error:
        raise _broken(plan, str(error.message), error.lineno) from error
    except (TemplateError, TypeError) as error:
        raise _broken(plan, str(error), _line(error)) from error


def _broken(plan: DocumentPlan, problem: str, line: int | None) -> BrokenFileError:
    place = None if line is None else line + plan.first_line - 1
    return BrokenFileError(
        plan.path,
        f"cannot be rendered: {problem}.",
        remedy="Correct the template.",
        line=place,
    )


def _line(error: Exception) -> int | None:
    """Return the line of the template on which an error arose."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _head(plan: DocumentPlan, build: Build, writer: Writer) -> str:
    facts = table(
        ("This document", ""),
        [
            ("Device", build.device),
            ("Manufacturer", build.manufacturer),
            ("Purpose", plan.purpose),
            ("Serves", plan.clauses),
            ("Needed for software safety class", plan.classes),
            ("Owner", plan.owner),
            ("To be approved by", plan.approvers),
            ("State of the project", state_of(build)),
        ],
    )
    return f"# {plan.number} {writer.text(plan.title)}\n\n{writer.table(facts)}"


def _origin(build: Build, sources: Iterable[tuple[str, str]], writer: Writer) -> str:
    facts = table(
        ("Built from", ""),
        [
            ("Commit", build.commit or "no commit yet"),
            ("Committed", build.committed_utc or "not committed"),
            ("Changed since the commit", build.dirty or "nothing"),
            ("Heads of the record log", build.heads or "the log is empty"),
            ("Built by", build.program),
        ],
    )
    lines = "\n".join(f"{sha256}  {printable(path)}" for path, sha256 in sources)
    return (
        "## Where this document comes from\n\n"
        "Nobody edits this document; it is built from the files below. Statuses and "
        "results in it are derived from signed records.\n\n"
        f"{writer.table(facts)}\n\n"
        "Source files it rests on, with the SHA-256 of their content, as "
        "`sha256sum -c` reads them:\n\n"
        f"{code_block(lines)}"
    )


def state_of(build: Build) -> str:
    """Return commit and cleanliness in one phrase."""
    if build.commit is None:
        return "not committed"
    count = len(build.dirty)
    files = "1 changed file" if count == 1 else f"{count} changed files"
    changed = f", with {files}" if count else ""
    return f"commit {build.commit[:12]} of {build.committed_utc}{changed}"
