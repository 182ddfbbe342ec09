"""The folder watch: complete series, once each, whole results."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from hippovol.__main__ import main
from hippovol.app import analyse
from hippovol.gate import identify
from hippovol.result import read_result
from hippovol.watch import Processed, is_complete, process_inbox
from regml.imaging.volumes import Volume


@pytest.fixture
def inbox(tmp_path: Path, phantom: Volume, write_series: Any) -> Path:
    """An inbox with one series that arrived a minute ago."""
    write_series(tmp_path / "inbox" / "first", phantom)
    _age(tmp_path / "inbox" / "first")
    return tmp_path / "inbox"


@pytest.mark.verifies("SRS-041")
def test_each_complete_series_is_processed_exactly_once(
    inbox: Path, tmp_path: Path, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox = tmp_path / "outbox"
    command = ["watch", str(inbox), str(outbox), "--once", "--model", str(model_folder)]
    key = identify(inbox / "first").key

    assert main(command) == 0
    first = capsys.readouterr().out
    written = (outbox / key / "result.json").stat().st_mtime_ns
    assert main(command) == 0

    assert first == f"{key} flagged\n"
    assert capsys.readouterr().out == ""
    assert read_result(outbox / key).input == identify(inbox / "first")
    assert (outbox / key / "result.json").stat().st_mtime_ns == written


@pytest.mark.verifies("SRS-041")
def test_a_series_sent_again_under_another_name_is_not_processed_again(
    inbox: Path, tmp_path: Path
) -> None:
    calls: list[Path] = []
    first = _process(inbox, tmp_path, calls)
    (inbox / "first").rename(inbox / "again")
    second = _process(inbox, tmp_path, calls)

    assert (len(first), len(second), len(calls)) == (1, 0, 1)


@pytest.mark.verifies("SRS-041")
@pytest.mark.parametrize("what", ["still changing", "partial file", "fewer than told"])
def test_an_incomplete_series_is_left_alone_until_it_is_complete(
    tmp_path: Path, phantom: Volume, write_series: Any, what: str
) -> None:
    folder = tmp_path / "inbox" / "series"
    slices = phantom.shape[2]
    write_series(folder, phantom, ImagesInAcquisition=slices)
    last = folder / f"{slices - 1:04d}.dcm"
    _age(folder)
    match what:
        case "still changing":
            os.utime(last)
        case "partial file":
            last.rename(folder / "last.dcm.part")
        case "fewer than told":
            last.rename(tmp_path / "last.dcm")
    calls: list[Path] = []

    assert _process(tmp_path / "inbox", tmp_path, calls) == ()

    for waiting in (folder / "last.dcm.part", tmp_path / "last.dcm"):
        if waiting.exists():
            waiting.rename(last)
    _age(folder)
    assert len(_process(tmp_path / "inbox", tmp_path, calls)) == 1
    assert len(calls) == 1


@pytest.mark.verifies("SRS-041")
def test_a_result_appears_whole_or_not_at_all(inbox: Path, tmp_path: Path) -> None:
    key = identify(inbox / "first").key

    def killed(source: Path, out: Path) -> str:
        out.mkdir(parents=True)
        (out / "report.md").write_text("half a rep")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_inbox(
            inbox, tmp_path / "outbox", killed, now=time.time(), settled_seconds=5
        )

    assert not (tmp_path / "outbox" / key).exists()
    calls: list[Path] = []
    assert _process(inbox, tmp_path, calls) == (Processed(key, "ok"),)
    assert not (tmp_path / "outbox" / key / "report.md").exists()


@pytest.mark.verifies("SRS-041")
def test_a_series_that_cannot_be_measured_does_not_stop_the_others(
    inbox: Path, tmp_path: Path, model_folder: Path, phantom: Volume, write_series: Any
) -> None:
    write_series(inbox / "another", phantom, Modality="CT")
    _age(inbox / "another")

    done = process_inbox(
        inbox,
        tmp_path / "outbox",
        lambda source, out: (
            analyse(source, model_folder, out, log=tmp_path / "log").outcome
        ),
        now=time.time(),
        settled_seconds=5,
    )

    assert sorted(one.ending for one in done) == ["flagged", "rejected"]


@pytest.mark.verifies("SRS-041")
def test_an_empty_folder_is_not_complete(tmp_path: Path) -> None:
    assert not is_complete(tmp_path, now=time.time(), settled_seconds=0)


def _age(folder: Path) -> None:
    """Make a series one that arrived a minute ago."""
    minute_ago = time.time() - 60
    for file in folder.iterdir():
        os.utime(file, (minute_ago, minute_ago))


def _process(inbox: Path, tmp_path: Path, calls: list[Path]) -> Any:
    def note(source: Path, out: Path) -> str:
        calls.append(source)
        out.mkdir(parents=True)
        (out / "result.json").write_text("{}")
        return "ok"

    return process_inbox(
        inbox, tmp_path / "outbox", note, now=time.time(), settled_seconds=5
    )
