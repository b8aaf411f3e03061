"""How much memory a process has had."""

import resource


def peak_mb() -> float:
    """The most that this process has held since it began, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
