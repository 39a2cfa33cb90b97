"""How many threads do what: every sum is made by one thread, so that its last bits do not depend on their number.

PyTorch cuts sums between its threads, and another cut rounds differently. So it gets one thread, and several work on
different windows of a recording instead (`SpeechEncoder.threads`), or on different recordings (`--jobs`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cores(root: Path = Path("/")) -> int:
    """Processor cores that this process may use: those that it is bound to, or fewer where a container has a quota.

    Args:
        root: of the file system that says what the container's share is.
    """
    try:
        bound = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        bound = os.cpu_count() or 1
    return max(1, min([bound, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Cores by the quotas of this process's control groups and of those around them (Linux, cgroup v1 and v2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        names = ("",) if not controllers else (controllers, "cpu") if "cpu" in controllers.split(",") else ()
        # In a container the path may be that of the host, and the files lie at the top: every level is looked at.
        for folder in (PurePosixPath(group), *PurePosixPath(group).parents):
            for name in names:
                quota = _quota(root / "sys/fs/cgroup" / name / str(folder).lstrip("/"))
                if quota is not None:
                    yield quota


def _quota(folder: Path) -> float | None:
    """Cores by the files of one control group; None without a limit."""
    try:
        if (folder / "cpu.max").is_file():
            limit, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            limit, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip() for name in ("quota", "period")
            )
        return None if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def share_of(cost: float, others: float, count: int) -> int:
    """Threads for one job: its share of the cores by its share of the work that is left.

    A long recording among short ones gets the cores that would be idle when those are done; jobs that are alike get a
    thread each.

    Args:
        cost: of the job.
        others: cost of all other jobs that are not finished.
        count: cores.
    """
    return max(1, round(count * cost / (cost + others))) if cost > 0 else 1


def sum_in_one_thread() -> None:
    """Keep PyTorch from cutting sums; holds for the whole process."""
    import torch

    torch.set_num_threads(1)


def draw_in_threads(threads: int) -> None:
    """Let software OpenGL, if it is opened later, use so many; its pictures do not depend on that."""
    os.environ["LP_NUM_THREADS"] = str(threads)
