"""Many inputs: checked before any work, and one failure never stops the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from sedtalker_cli.batch.failures import check_failures, write_failures
from sedtalker_cli.batch.inputs import BadInput, Job
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.processing import FAILED, Plan, Result, Task, process
from sedtalker_cli.batch.threads import cores
from sedtalker_cli.errors import UsageError


class Listener(Protocol):
    """Hears how the work goes."""

    def started(self, job: Job) -> None: ...
    def progress(self, job: Job, stage: str, done: float, total: float) -> None: ...
    def finished(self, result: Result) -> None: ...


# Works on all jobs in its own way and order; gives results as they are ready.
Engine = Callable[[Sequence[Job], Plan, Task, Listener], Iterator[Result]]


def check_plan(jobs: Sequence[Job], plan: Plan, chosen: Sequence[Job] | None = None) -> None:
    """Find what would go wrong with the outputs, before any work.

    Args:
        jobs: all inputs.
        plan: what is to become of them.
        chosen: those of them that this run works on, None for all.

    Raises:
        UsageError: two inputs would write the same file, an output would replace an input, outputs exist
            already, or the output folder cannot be written to.
    """
    writers: dict[object, Job] = {}
    inputs = {os.path.realpath(path) for path in (*(job.source for job in jobs), *plan.protected)}
    for job in jobs:
        for target in plan.targets(job):
            other = writers.setdefault(target, job)
            if other is not job:
                raise UsageError(
                    f"{other.source} and {job.source} would both write {target}; rename one, or use two --out folders"
                )
            if os.path.realpath(target) in inputs:
                raise UsageError(f"{target} is an input and would be replaced; choose another --out folder")
    if not (plan.overwrite or plan.resume):
        _check_nothing_exists(jobs if chosen is None else chosen, plan)
    place = plan.out
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"--out {plan.out}: {place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"--out {plan.out}: {place} may not be written to; choose another folder")
    check_failures(plan.failures)


def _check_nothing_exists(jobs: Sequence[Job], plan: Plan) -> None:
    existing = [target for job in jobs for target in plan.targets(job) if os.path.lexists(target)]
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} already exist{'' if more else 's'}; use --overwrite, --resume or another --out"
        )


def run_here(jobs: Sequence[Job], plan: Plan, task: Task, listener: Listener) -> Iterator[Result]:
    """The engine for one process: one job after the other, with all cores for each."""
    task.load(cores())
    ledger = Ledger(plan.out, plan.command)
    for job in jobs:
        listener.started(job)
        yield process(job, plan, task, ledger, partial(listener.progress, job))


def run_batch(
    jobs: Sequence[Job],
    plan: Plan,
    task: Task,
    listener: Listener,
    *,
    bad: Iterable[BadInput] = (),
    engine: Engine = run_here,
) -> list[Result]:
    """Work on every job; of several, leave a table of those that failed.

    Args:
        jobs: checked by `check_plan`.
        plan: see there.
        task: what is done with each.
        listener: hears of every step.
        bad: inputs that failed when they were looked for.
        engine: what runs the work.

    Returns:
        Results in order of the inputs, bad ones first.

    Raises:
        SedtalkerError: the work cannot begin, e.g. for want of models.
    """
    ledger = Ledger(plan.out, plan.command)
    ledger.remove_orphans()
    results = [Result(fault.source, FAILED, message=fault.message) for fault in bad]
    for result in results:
        listener.finished(result)
    order = {job.source: place for place, job in enumerate(jobs, start=len(results))}
    try:
        for result in engine(jobs, plan, task, listener) if jobs else ():
            results.append(result)
            listener.finished(result)
    finally:
        ledger.remove_orphans()  # of workers that died
        ledger.remove_empty()
    results.sort(key=lambda result: order.get(result.source, 0))
    if len(results) > 1 or plan.part is not None:
        with suppress(OSError):  # the disk is full: reasons went to the listener, too, and must not be lost
            write_failures(plan.failures, [_failure(result) for result in results if result.status == FAILED])
    return results


def _failure(result: Result) -> tuple[str, str]:
    """(input, reason), where the reason need not name the input again."""
    return str(result.source), (result.message or "").removeprefix(f"{result.source}: ")


def exit_status(results: Sequence[Result]) -> int:
    """0 when every input is done or was complete, else 1."""
    return int(any(result.status == FAILED for result in results))
