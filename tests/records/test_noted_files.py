"""A file that a stage noted is looked at, whether git or DVC keeps it."""

import pytest

from regml.project import open_project
from regml.trace.rules import check
from tests.records.conftest import PIPELINE, Project
from tests.tamper.attacks import POLICY

MAKE = """\
import json, pathlib
import regml

manifest = {"specification": "DS-01", "split_unit": "patient", "cases": []}
pathlib.Path("small.json").write_text(json.dumps(manifest))
pathlib.Path("out").mkdir(exist_ok=True)
regml.note("dataset", {"manifest": "small.json"})
"""


@pytest.mark.parametrize("kept_by", ["git", "DVC"])
def test_a_manifest_is_in_the_work_tree_whoever_keeps_it(
    project: Project, kept_by: str
) -> None:
    project.write("risk/policy.yaml", POLICY)
    project.write("requirements.txt", "")
    project.write("src/make.py", MAKE)
    if kept_by == "DVC":
        project.write("dvc.yaml", PIPELINE.replace(": {cache: false}", ""))
        project.write(".gitignore", "/out\n/small.json\n")
    project.commit()
    assert project.record() == 0
    looked = open_project(project.root)
    [outcome] = check(looked.graph, ["D04"])
    assert (outcome.subjects, outcome.findings) == (1, ())
