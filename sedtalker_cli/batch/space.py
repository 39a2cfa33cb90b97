"""Whether the outputs will fit on the disk, found out before any work."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import Plan, Task, estimate
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.checksum import total_size


def check_space(jobs: Sequence[Job], plan: Plan, task: Task) -> None:
    """Compare what the outputs will take with what is free.

    An output that exists counts as room: it is replaced, or is complete already.

    Args:
        jobs: those that this run works on.
        plan: what is to become of them.
        task: knows how large the outputs will be.

    Raises:
        UsageError: they do not fit; gives the sum and what is free.
    """
    needed, ledger = 0.0, Ledger(plan.out, plan.command)
    for job in jobs:
        if plan.resume and ledger.intact(job.called, plan.suffixes):
            continue
        there = sum(total_size(path) for path in plan.targets(job) if path.exists())
        needed += max(estimate(task.size, job) - there, 0.0)
    place = plan.out.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise UsageError(
            f"--out {plan.out}: the outputs need about {byte_count(needed)}, and {byte_count(free)} are free there; "
            f"{task.smaller}"
        )


def byte_count(count: float) -> str:
    """A number of bytes in the largest unit that leaves a number of 1 or more: `184 MB`, `1.2 GB`."""
    units = ("B", "kB", "MB", "GB", "TB")
    power = 0
    while count >= 999.5 and power < len(units) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {units[power]}" if power and count < 9.95 else f"{count:.0f} {units[power]}"
