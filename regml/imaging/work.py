"""One function over many cases, on all cores asked for, with a progress bar."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track

T = TypeVar("T")
R = TypeVar("R")


def map_cases(
    function: Callable[[T], R], cases: Sequence[T], *, jobs: int, title: str
) -> list[R]:
    """Return ``function`` of each case, in the order of the cases.

    The result does not depend on ``jobs``. With a ``joblib.parallel_config`` in force
    the work runs on that backend, a Dask cluster for example.

    Args:
        function: A function of one case; picklable when ``jobs`` is not 1.
        cases: The cases.
        jobs: How many at a time; -1 for all cores.
        title: What the progress bar says, on stderr.
    """
    results = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(function)(case) for case in cases
    )
    console = Console(stderr=True)
    return list(track(results, title, total=len(cases), console=console))
