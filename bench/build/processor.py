"""What the processor worked for a server and for this process: it does not grow when the machine does other things."""

import os
import time
from pathlib import Path

from retain.embedded import EmbeddedServer

OWN, WAITED_FOR = slice(11, 13), slice(13, 15)  # utime and stime of /proc/PID/stat after the name, then its children's


def processor_seconds(server: EmbeddedServer) -> float | None:
    """Seconds so far, of this process, of the server, and of its backends that have ended or run; None without /proc."""
    try:
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        ended = sum(_ticks(postmaster)[OWN]) + sum(_ticks(postmaster)[WAITED_FOR])
        running = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    except OSError:
        return None
    return time.process_time() + (ended + sum(map(_own_ticks, running))) / os.sysconf("SC_CLK_TCK")


def _own_ticks(process: str) -> int:
    try:
        return sum(_ticks(process)[OWN])
    except OSError:  # ended meanwhile, and counted with its parent the next time
        return 0


def _ticks(process: int | str) -> list[int]:
    after_name = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1]
    return [int(word) if word.lstrip("-").isdigit() else 0 for word in after_name.split()]
