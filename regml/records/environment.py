"""On what a run ran: interpreter, packages, machine. No host name, no paths."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from regml.digest import plain_text, sha256_of
from regml.records.interpreters import interpreter_of, own_interpreter
from regml.version import __version__

THREAD_VARIABLES = (
    "BLIS_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables that may change a number; recorded when set."""

LOCALE_VARIABLES = ("LANG", "LANGUAGE", "PYTHONUTF8", "TZ")
LOCALE_PREFIX = "LC_"
"""How the other variables of the locale begin: of order, numbers, characters."""

CODE_VARIABLES = (
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PYTHONHOME",
    "PYTHONPATH",
)
"""Variables that have other code loaded than what is installed."""

IMAGE_VARIABLES = ("REGML_CONTAINER_IMAGE", "CI_JOB_IMAGE")
"""Variables that name the image a container was made from, first one first."""

INSTALLED = (".dist-info", ".egg-info")
"""How the folders end that tell of a package; Debian still makes the second kind."""

_OF_PYTHON = re.compile(r"-py[0-9.]+$")
"""What an ``.egg-info`` adds to the version."""

APPTAINER_VARIABLES = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")
"""Variables in which Apptainer, by either name, tells the file of its image."""

GPU_SECONDS = 20.0
"""How long a graphics driver may take to answer, in seconds."""


def environment(command: Sequence[str] = ()) -> dict[str, Any]:
    """Return what is known about interpreter, packages and machine, as JSON values.

    Args:
        command: What is going to run; its interpreter and the packages there count.
            Without a command they are ours.
    """
    system = os.uname()
    python = interpreter_of(command) if command else own_interpreter()
    return {
        "regml": __version__,
        "python": {
            "implementation": python.implementation,
            "version": python.version,
            **({"found": python.found} if python.found else {}),
        },
        "packages": packages(python.places),
        "system": {
            "kernel": f"{system.sysname} {system.release}",
            "machine": system.machine,
            "release": _os_release(),
        },
        "cpu": {"model": _cpu_model(), "cores": _cores()},
        "threads": _set_ones(THREAD_VARIABLES),
        "locale": _set_ones((*LOCALE_VARIABLES, *_locale_names())),
        # they hold paths, which are nobody's business; equal ones have equal digests
        "code_variables": {
            name: f"sha256:{sha256_of(value.encode())}"
            for name, value in _set_ones(CODE_VARIABLES).items()
        },
        "container": _container(),
        "container_image": _container_image(),
    }


def packages(places: Iterable[str] | None = None) -> dict[str, dict[str, str | None]]:
    """Return version and sha256 of every installed package by its normalised name.

    The version is read from the name of the ``*.dist-info`` folder: parsing metadata
    takes a hundred times as long. The sha256 is that of the file ``RECORD`` in it,
    which lists a digest of every installed file; ``None`` where the installer left
    none. What stands earlier wins, as in an import.

    Args:
        places: Where to look, in order; ``sys.path`` by default.
    """
    found: dict[str, dict[str, str | None]] = {}
    for place in sys.path if places is None else places:
        folder = place or "."
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all we need
        except OSError:
            continue
        for name in names:
            if name.endswith(INSTALLED):
                package, _, version = name.rpartition(".")[0].partition("-")
                package = package.lower().replace("_", "-")
                version = _OF_PYTHON.sub("", version)
                if version and package not in found:
                    sha256 = _digest_of(f"{folder}/{name}/RECORD")
                    found[package] = {"version": version, "sha256": sha256}
    return found


def _digest_of(path: str) -> str | None:
    """Return the sha256 of a small file; ``None`` where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - 265 of them
            return sha256_of(stream.read())
    except OSError:
        return None


class GpuQuery:
    """A question to the graphics driver that runs beside the command.

    ``nvidia-smi`` takes up to a second, so it is started first and read last.
    """

    def __init__(self) -> None:
        program = shutil.which("nvidia-smi")
        self._process = _ask_driver(program) if program else None

    def answer(self) -> list[dict[str, str]]:
        """Return name and driver of each GPU; none without a driver.

        A driver that fails is no proof that there is no GPU.
        """
        if self._process is None:
            return []
        try:
            text, _ = self._process.communicate(timeout=GPU_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return [{"name": "unknown", "driver": "nvidia-smi did not answer"}]
        if self._process.returncode and _NO_GPU not in text.lower():
            said = f"nvidia-smi ended with {self._process.returncode}"
            return [{"name": "unknown", "driver": said}]
        rows = (line.rpartition(",") for line in text.splitlines() if "," in line)
        return [
            {"name": name.strip(), "driver": driver.strip()} for name, _, driver in rows
        ]


_NO_GPU = "no devices were found"
"""What the driver says of a machine without one."""


def _ask_driver(program: str) -> subprocess.Popen[str] | None:
    try:
        return subprocess.Popen(
            [program, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # a Ctrl-C is for the command, not for this question
            start_new_session=True,
        )
    except OSError:
        return None


def _locale_names() -> list[str]:
    return sorted(name for name in os.environ if name.startswith(LOCALE_PREFIX))


def _set_ones(names: tuple[str, ...]) -> dict[str, str]:
    return {name: plain_text(os.environ[name]) for name in names if name in os.environ}


def _os_release() -> str:
    for line in _lines("/etc/os-release"):
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip('"')
    return "unknown"


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Hardware", "cpu model"}:
            return value.strip()
    return "unknown"


def _cores() -> int:
    """Return how many cores this process may use, which can be fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _container() -> str | None:
    for mark, kind in (
        ("/.dockerenv", "docker"),
        ("/run/.containerenv", "podman"),
        ("/var/run/secrets/kubernetes.io", "kubernetes"),
    ):
        if Path(mark).exists():
            return kind
    if any(name in os.environ for name in APPTAINER_VARIABLES):
        return "apptainer"
    return os.environ.get("container")  # noqa: SIM112 - systemd writes it so


def _container_image() -> str | None:
    """Return the image of the container, which only its maker knows.

    Docker does not say it inside; podman does where it may. Of Apptainer it is the
    name of a file; its folders are nobody's business.
    """
    for name in IMAGE_VARIABLES:
        if image := os.environ.get(name):
            return plain_text(image)
    for name in APPTAINER_VARIABLES:
        if image := os.environ.get(name):
            return plain_text(image.rpartition("/")[2])
    for line in _lines("/run/.containerenv"):
        key, _, value = line.partition("=")
        if key == "image":
            return value.strip('"')
    return None


def _lines(path: str) -> Iterator[str]:
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except OSError:
        return
