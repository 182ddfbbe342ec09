"""The command line of the device: ``python -m hippovol``."""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hippovol import DEVICE, __version__
from hippovol.result import CANNOT_WORK, EXIT_STATUS
from regml.errors import RegmlError

EXIT_CODES = f"""\
exit status:
  0  done; a measurement without quality flag
  {CANNOT_WORK}  cannot work: wrong arguments, missing input, altered model,
     failed check, or a decision that is not possible now
  3  the input is outside the intended use, nothing was measured
  4  measured, with a quality flag: look before you use the volume
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    # what libraries say about a file quotes it, and it may name a patient
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except RegmlError as e:
        _say(f"error: {e}")
    except OSError as e:
        _say(f"error: {e.strerror or type(e).__name__}")  # without the path
    return CANNOT_WORK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hippovol",
        description=f"{DEVICE} {__version__}: volume of the hippocampus from a "
        "T1-weighted MR image of an adult. Not for primary diagnosis.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_measuring(commands)
    _add_reviewing(commands)
    _add_installing(commands)
    return parser


def _add_measuring(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    analyse = commands.add_parser("analyse", help="measure one input")
    analyse.add_argument("input", type=Path, help="DICOM series folder or NIfTI file")
    analyse.add_argument("out", type=Path, help="new folder for the result")
    _add_model(analyse)
    analyse.add_argument("--log", type=Path, help="audit log (beside OUT)")
    analyse.set_defaults(run=_analyse)

    watch = commands.add_parser("watch", help="measure each series of an inbox once")
    watch.add_argument("inbox", type=Path)
    watch.add_argument("outbox", type=Path)
    _add_model(watch)
    watch.add_argument("--once", action="store_true", help="look once, then end")
    watch.add_argument("--seconds", type=float, default=10.0, help="between two looks")
    watch.add_argument(
        "--settled", type=float, default=5.0, help="seconds without a change"
    )
    watch.set_defaults(run=_watch)


def _add_reviewing(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    for name, text in (
        ("show", "render the outline over the image and note that it was shown"),
        ("accept", "accept a result whose outline was shown"),
        ("reject", "reject a result, with a reason"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("out", type=Path, help="folder of the result")
        command.add_argument("--reviewer", required=True, help="account name")
        if name == "reject":
            command.add_argument("--reason", required=True)
        command.set_defaults(run=_REVIEWS[name])
    belongs = commands.add_parser("belongs", help="is this report of this input?")
    belongs.add_argument("out", type=Path, help="folder of the result")
    belongs.add_argument("input", type=Path, help="DICOM series folder or NIfTI file")
    belongs.set_defaults(run=_belongs)


def _add_installing(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    qualify = commands.add_parser("qualify", help="check the installation")
    _add_model(qualify)
    qualify.add_argument("--lock", type=Path, default=Path("requirements.txt"))
    qualify.add_argument("--golden", type=Path, default=Path("model/golden.json"))
    qualify.add_argument(
        "--folder", type=Path, action="append", default=[], help="must be writable"
    )
    qualify.set_defaults(run=_qualify)
    golden = commands.add_parser("golden", help="write what the phantom must give")
    _add_model(golden)
    golden.add_argument("file", type=Path, nargs="?", default=Path("model/golden.json"))
    golden.set_defaults(run=_golden)
    bill = commands.add_parser("sbom", help="print the bill of materials")
    _add_model(bill)
    bill.add_argument("--lock", type=Path, default=Path("requirements.txt"))
    bill.set_defaults(run=_sbom)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, default=Path("model"))


def _analyse(options: argparse.Namespace) -> int:
    from hippovol.app import analyse

    result = analyse(options.input, options.model, options.out, log=options.log)
    for remark in (*result.rejections, *result.flags):
        _say(f"{remark.code}: {remark.message}")
    print(result.outcome)  # noqa: T201 - the answer
    return EXIT_STATUS[result.outcome]


def _watch(options: argparse.Namespace) -> int:
    import time

    from hippovol.app import LOG, analyse
    from hippovol.model import load_model
    from hippovol.watch import Processed, process_inbox, watch

    model = load_model(options.model)
    log = options.outbox / LOG

    def ending_of(source: Path, out: Path) -> str:
        return analyse(source, model, out, log=log).outcome

    def report(processed: Processed) -> None:
        print(f"{processed.key} {processed.ending}", flush=True)  # noqa: T201

    if options.once:
        for processed in process_inbox(
            options.inbox,
            options.outbox,
            ending_of,
            now=time.time(),
            settled_seconds=options.settled,
        ):
            report(processed)
        return 0
    watch(
        options.inbox,
        options.outbox,
        ending_of,
        seconds=options.seconds,
        settled_seconds=options.settled,
        report=report,
    )
    return 0


def _show(options: argparse.Namespace) -> int:
    from hippovol.review import show

    path = show(options.out, reviewer=options.reviewer, at=datetime.now(UTC))
    print(path)  # noqa: T201 - the answer
    return 0


def _accept(options: argparse.Namespace) -> int:
    from hippovol.review import accept

    accept(options.out, reviewer=options.reviewer, at=datetime.now(UTC))
    return 0


def _reject(options: argparse.Namespace) -> int:
    from hippovol.review import reject

    reject(
        options.out,
        reviewer=options.reviewer,
        reason=options.reason,
        at=datetime.now(UTC),
    )
    return 0


def _belongs(options: argparse.Namespace) -> int:
    from hippovol.review import require_input

    require_input(options.out, options.input)
    print("yes")  # noqa: T201 - the answer
    return 0


def _qualify(options: argparse.Namespace) -> int:
    from hippovol.install import qualify

    checks = qualify(
        model=options.model,
        lock=options.lock,
        golden=options.golden,
        folders=options.folder or [Path()],
    )
    for check in checks:
        verdict = "pass" if check.passed else "FAIL"
        print(f"{verdict}  {check.name}: {check.finding}")  # noqa: T201
    return 0 if all(check.passed for check in checks) else CANNOT_WORK


def _golden(options: argparse.Namespace) -> int:
    from hippovol.install import write_golden

    write_golden(options.model, options.file)
    return 0


def _sbom(options: argparse.Namespace) -> int:
    from hippovol.model import weights_digest
    from hippovol.sbom import bill_of_materials, bill_text
    from regml.files.lock import read_lock_file

    packages = read_lock_file(options.lock.parent, options.lock.name)
    digest = weights_digest(options.model)
    print(bill_text(bill_of_materials(packages, model_sha256=digest)), end="")  # noqa: T201
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - words about the answer


_REVIEWS = {"show": _show, "accept": _accept, "reject": _reject}


if __name__ == "__main__":
    sys.exit(main())
