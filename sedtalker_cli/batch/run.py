"""Many inputs: checked before any work, and one failure never stops the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from sedtalker_cli.batch.failures import check_failures, leave_failures
from sedtalker_cli.batch.inputs import BadInput, Job, RealPaths
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.ownership import Owner, refuse_existing, refuse_foreign
from sedtalker_cli.batch.processing import FAILED, Plan, Result, Task, process, provenance
from sedtalker_cli.batch.threads import cores
from sedtalker_cli.errors import InputError, UsageError


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
    real = RealPaths()
    inputs = {real(path) for path in (*(job.source for job in jobs), *plan.protected)}
    tables = {real(path) for path in plan.tables}
    for job in jobs:
        if job.name.is_absolute() or ".." in job.name.parts:
            raise UsageError(f"{job.source}: its outputs would lie outside of {plan.out}; name its folder instead")
        for target in plan.targets(job):
            other = writers.setdefault(target, job)
            if other is not job:
                raise UsageError(
                    f"{other.source} and {job.source} would both write {target}; rename one, or use two --out folders"
                )
            place = real(target)
            if place in inputs:
                raise UsageError(f"{target} is an input and would be replaced; choose another --out folder")
            if place in tables:
                raise UsageError(f"{target} is an output of {job.source} and a table, too; name the table otherwise")
    chosen = jobs if chosen is None else chosen
    for place in dict.fromkeys([plan.out, *(plan.out / job.name.parent for job in chosen)]):
        check_folder(place, f"--out {plan.out}")
    if plan.resume:
        ledger = Ledger(plan.out, plan.command)
        owned = (
            (job, suffix, owner) for job in chosen for suffix, owner in ledger.owners(job.name, plan.suffixes).items()
        )
        refuse_foreign([ledger.target(job.name, suffix) for job, suffix, owner in owned if owner is Owner.USER])
    else:
        remedy = "use --overwrite, --resume or another --out"
        refuse_existing([target for job in chosen for target in plan.targets(job)], plan.overwrite, remedy)
    check_failures(plan.failures, plan.overwrite)


def check_folder(folder: Path, option: str) -> None:
    """Find out whether files can be written into a folder that may not be there yet.

    Args:
        folder: to write to.
        option: that named it, for messages.

    Raises:
        UsageError: it, or the folder that it would be made in, is no folder or may not be written to.
    """
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"{option}: {place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{option}: {place} may not be written to; choose another folder")


def check_edited(jobs: Sequence[Job], plan: Plan, task: Task) -> None:
    """Find edited outputs that a resumed run would have to replace, before any work.

    What outputs depend on is known once the models are; they are loaded here only if something was edited.

    Raises:
        UsageError: names one.
    """
    ledger = Ledger(plan.out, plan.command)
    edited = [job for job in jobs if ledger.edited(job.name, plan.suffixes)] if plan.resume else []
    if edited:
        task.load(cores())
    for job in edited:
        with suppress(InputError, OSError):  # which the job reports itself
            ledger.check_edited(job.name, plan.suffixes, provenance(job, task))


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
        SedtalkerError: the work cannot begin, e.g. for want of models, or because it would replace an edited output.
    """
    check_edited(jobs, plan, task)
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
            failed = [_failure(result) for result in results if result.status == FAILED]
            leave_failures(plan.failures, failed, plan.overwrite)
    return results


def _failure(result: Result) -> tuple[str, str]:
    """(input, reason), where the reason need not name the input again."""
    return str(result.source), (result.message or "").removeprefix(f"{result.source}: ")


def exit_status(results: Sequence[Result]) -> int:
    """0 when every input is done or was complete, else 1."""
    return int(any(result.status == FAILED for result in results))
