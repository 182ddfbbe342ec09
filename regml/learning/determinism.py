"""Same input, same bytes: how torch is told."""

import torch


def make_deterministic(*, seed: int, threads: int) -> torch.device:
    """Make torch give the same bytes each time and return the device to use.

    On a CPU this holds to the last bit for one number of threads. A GPU has no
    deterministic kernel for some operations; there, torch warns.

    Args:
        seed: Of torch's global generator.
        threads: CPU threads; 0 leaves torch's own choice.
    """
    gpu = torch.cuda.is_available()
    torch.manual_seed(seed)
    if threads:
        torch.set_num_threads(threads)
    # as torch.use_deterministic_algorithms, which first imports a compiler for seconds
    torch.set_deterministic_debug_mode("warn" if gpu else "error")
    # Filling every new tensor guards against reading memory nobody wrote. No operation
    # here does that, and the filling costs an eighth of the time.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 - unknown to its types
    return torch.device("cuda" if gpu else "cpu")
