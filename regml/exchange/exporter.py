"""One export, from a project to the bytes of a file."""

import datetime as dt
import os

from regml.exchange.formats import Exported, Target, export, export_graph
from regml.files.repository import run_git
from regml.project import Project


def export_project(project: Project, form: Target) -> Exported:
    """Return a project, in the work tree or at a revision, as one file.

    Raises:
        ConfigError: The format cannot hold a text.
        MissingExtraError: A package for the format is not installed.
    """
    if form is Target.GRAPHML:
        return export_graph(project.graph)
    return export(
        form,
        (located.item for located in project.evidence.items),
        project=project.evidence.config.device.name,
        created=commit_time(project),
    )


def commit_time(project: Project) -> str:
    """Return when the commit was made, so that the same commit gives the same bytes.

    A project without a commit has the time of ``SOURCE_DATE_EPOCH``, or 1970.
    """
    commit = project.evidence.commit
    if commit is not None:
        shown = run_git(project.root, "show", "--no-patch", "--format=%ct", commit)
        seconds = int(shown.decode().split()[0])
    else:
        seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
