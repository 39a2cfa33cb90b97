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
from sedtalker_cli.batch.marks import prefix
from sedtalker_cli.batch.ownership import Owner, refuse_existing, refuse_foreign
from sedtalker_cli.batch.processing import FAILED, Complete, Plan, Result, Task, is_complete, process, provenance
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
    for job in jobs:
        if os.path.isabs(job.called) or (".." in job.called and ".." in job.name.parts):
            raise UsageError(f"{job.source}: its outputs would lie outside of {plan.out}; name its folder instead")
    chosen = jobs if chosen is None else chosen
    ledger = Ledger(plan.out, plan.command)
    _check_names(jobs, plan)
    left = [job for job in jobs if not ledger.intact(job.called, plan.suffixes)] if plan.resume else jobs
    _check_inputs(jobs, left, plan)
    for place in dict.fromkeys([plan.out, *(plan.out / folder for folder in _folders(chosen))]):
        check_folder(place, f"--out {plan.out}")
    if plan.resume:
        owned = (
            (job, suffix, owner)
            for job in _both(left, chosen)
            for suffix, owner in ledger.owners(job.name, plan.suffixes).items()
        )
        refuse_foreign([ledger.target(job.name, suffix) for job, suffix, owner in owned if owner is Owner.USER])
    else:
        remedy = "use --overwrite, --resume or another --out"
        refuse_existing((target for job in chosen for target in plan.targets(job)), plan.overwrite, remedy)
    check_failures(plan.failures, plan.overwrite)


def _both(left: Sequence[Job], chosen: Sequence[Job]) -> list[Job]:
    if not left:
        return []
    found = set(chosen)
    return [job for job in left if job in found]


def _folders(jobs: Sequence[Job]) -> dict[str, None]:
    """Folders of outputs, below the output folder."""
    return dict.fromkeys(os.path.dirname(job.called) for job in jobs)


def _check_names(jobs: Sequence[Job], plan: Plan) -> None:
    """Find two inputs that would write the same file.

    That is so if they have the same name, or if one's name goes on where the other's suffix does.

    Raises:
        UsageError: names both.
    """
    tails = {
        longer.removesuffix(shorter)
        for longer in plan.suffixes
        for shorter in plan.suffixes
        if longer != shorter and longer.endswith(shorter)
    }
    names = {job.called for job in jobs}
    if len(names) == len(jobs) and not any(name + tail in names for tail in tails for name in names):
        return
    writers: dict[Path, Job] = {}
    for job in jobs:
        for target in plan.targets(job):
            other = writers.setdefault(target, job)
            if other is not job:
                raise UsageError(
                    f"{other.source} and {job.source} would both write {target}; rename one, or use two --out folders"
                )


def _check_inputs(jobs: Sequence[Job], left: Sequence[Job], plan: Plan) -> None:
    """Find outputs that would replace an input, or a table of the run.

    Args:
        jobs: all inputs.
        left: those whose outputs are not known to be the program's own.
        plan: what is to become of them.

    Raises:
        UsageError: names one.
    """
    real, before = RealPaths(), prefix(plan.out)
    tables = {real(path) for path in plan.tables}
    inputs = {real(path) for path in plan.protected}
    inputs |= {place for job in jobs if (place := real(job.place)).endswith(plan.suffixes)}  # links lead to others
    alike = any(place.endswith(plan.suffixes) for place in (*inputs, *tables))
    for job in left:
        for target in (f"{before}{job.called}{suffix}" for suffix in plan.suffixes):
            linked = os.path.islink(target)
            if not (alike or linked):
                continue
            place = real(target)
            if place in inputs or (linked and any(place == real(other.place) for other in jobs)):
                raise UsageError(f"{target} is an input and would be replaced; choose another --out folder")
            if place in tables:
                raise UsageError(f"{target} is an output of {job.source} and a table, too; name the table otherwise")


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
    edited = [job for job in jobs if _may_be_edited(job, plan, ledger)] if plan.resume else []
    if edited:
        task.ready(cores())
    for job in edited:
        with suppress(InputError, OSError):  # which the job reports itself
            ledger.check_edited(job.name, plan.suffixes, provenance(job, task))


def _may_be_edited(job: Job, plan: Plan, ledger: Ledger) -> bool:
    return not ledger.intact(job.called, plan.suffixes) and bool(ledger.edited(job.name, plan.suffixes))


def run_here(jobs: Sequence[Job], plan: Plan, task: Task, listener: Listener) -> Iterator[Result]:
    """The engine for one process: one job after the other, with all cores for each."""
    task.ready(cores())
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
    ledger = Ledger(plan.out, plan.command)
    found = _complete(jobs, plan, task, ledger) if plan.resume and (engine is run_here or task.forkable) else {}
    left = [job for place, job in enumerate(jobs) if place not in found] if found else jobs
    check_edited(left, plan, task)
    ledger.remove_orphans()
    results = [Result(fault.source, FAILED, message=fault.message) for fault in bad]
    for result in (*results, *found.values()):
        listener.finished(result)
    places: dict[Path, list[int]] = {}
    for place, job in enumerate(jobs):
        if place not in found:
            places.setdefault(job.source, []).append(place)
    try:
        for result in engine(left, plan, task, listener) if left else ():
            found[places[result.source].pop(0)] = result
            listener.finished(result)
    finally:
        ledger.remove_orphans()  # of workers that died
        ledger.remove_empty()
    results += [found[place] for place in sorted(found)]
    if len(results) > 1 or plan.part is not None:
        with suppress(OSError):  # the disk is full: reasons went to the listener, too, and must not be lost
            failed = [_failure(result) for result in results if result.status == FAILED]
            leave_failures(plan.failures, failed, plan.overwrite)
    return results


def _complete(jobs: Sequence[Job], plan: Plan, task: Task, ledger: Ledger) -> dict[int, Result]:
    """Results of jobs that are known to be complete, by place: they need no engine."""
    return {place: Complete(job, plan) for place, job in enumerate(jobs) if is_complete(job, plan, task, ledger)}


def _failure(result: Result) -> tuple[str, str]:
    """(input, reason), where the reason need not name the input again."""
    return str(result.source), (result.message or "").removeprefix(f"{result.source}: ")


def exit_status(results: Sequence[Result]) -> int:
    """0 when every input is done or was complete, else 1."""
    return int(any(result.status == FAILED for result in results))
