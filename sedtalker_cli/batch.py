"""Many inputs, one after the other: checked before any work, and one failure never stops the rest."""

from __future__ import annotations

import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sedtalker_cli.audio import check_file
from sedtalker_cli.errors import SedtalkerError, UsageError
from sedtalker_cli.inputs import BadInput, Job
from sedtalker_cli.ledger import Ledger, file_checksum

__all__ = ["BadInput", "Job", "Plan", "Result", "check_plan", "exit_status", "file_checksum", "run_batch"]
DONE, SKIPPED, FAILED = "done", "skipped", "failed"


@dataclass(frozen=True)
class Plan:
    """Where the outputs go and what may be in their way.

    Attributes:
        command: name of the command.
        out: output folder.
        suffixes: of the files that every input leads to.
        overwrite: whether outputs that exist are made again.
        resume: whether outputs that exist and are the same are left alone (others are made again).
        protected: files given by the user that no output may replace.
    """

    command: str
    out: Path
    suffixes: tuple[str, ...]
    overwrite: bool = False
    resume: bool = False
    protected: tuple[Path, ...] = ()

    def targets(self, job: Job) -> list[Path]:
        """Final names of a job's outputs."""
        return [self.out / job.name.parent / (job.name.name + suffix) for suffix in self.suffixes]


@dataclass(frozen=True)
class Result:
    """What became of one input.

    Attributes:
        source: the input.
        status: `done`, `skipped` or `failed`.
        outputs: files by suffix without the leading dot.
        seconds: time it took.
        message: why it failed, was skipped, or had to be made again.
        details: further facts for `--json`.
        trace: traceback of a failure.
    """

    source: Path
    status: str
    outputs: dict[str, Path] = field(default_factory=dict)
    seconds: float = 0.0
    message: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    trace: str | None = None


class Listener(Protocol):
    """Who is told how the work goes."""

    def started(self, job: Job) -> None: ...
    def progress(self, stage: str, share: float) -> None: ...
    def finished(self, result: Result) -> None: ...


Work = Callable[[Job, Path, Callable[[str, float], None]], dict[str, Any]]


def check_plan(jobs: Sequence[Job], plan: Plan) -> None:
    """Find what would go wrong with the outputs, before any work.

    Raises:
        UsageError: two inputs would write the same file, an output would replace an input, outputs exist
            already, or the output folder cannot be written to.
    """
    writers: dict[Path, Job] = {}
    inputs = {os.path.realpath(path) for path in (*(job.source for job in jobs), *plan.protected)}
    existing = []
    for job in jobs:
        for target in plan.targets(job):
            other = writers.setdefault(target, job)
            if other is not job:
                raise UsageError(
                    f"{other.source} and {job.source} would both write {target}; rename one, or use two --out folders"
                )
            if os.path.realpath(target) in inputs:
                raise UsageError(f"{target} is an input and would be replaced; choose another --out folder")
            if os.path.lexists(target):
                existing.append(target)
    if existing and not (plan.overwrite or plan.resume):
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UsageError(
            f"{existing[0]}{more} already exist{'' if more else 's'}; use --overwrite, --resume or another --out"
        )
    place = plan.out
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"--out {plan.out}: {place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"--out {plan.out}: {place} may not be written to; choose another folder")


def run_batch(
    jobs: Sequence[Job],
    plan: Plan,
    work: Work,
    settings: Callable[[Job], dict[str, Any]],
    listener: Listener,
    *,
    bad: Iterable[BadInput] = (),
    sources: Callable[[Job], list[Path]] = lambda job: [job.source],
) -> list[Result]:
    """Work on every job.

    Args:
        jobs: checked by `check_plan`.
        plan: see there.
        work: called as (job, stem to write to, progress); writes every output of the plan beside that stem
            and returns details for `--json`.
        settings: gives what makes a job's outputs differ, models' checksums included; JSON-serialisable.
        listener: told of every step.
        bad: inputs that failed when they were looked for.
        sources: files that a job's outputs are made from.

    Returns:
        Results in order of work.
    """
    ledger = Ledger(plan.out, plan.command)
    ledger.remove_orphans()
    results = []
    for fault in bad:
        results.append(Result(fault.source, FAILED, message=fault.message))
        listener.finished(results[-1])
    try:
        for job in jobs:
            listener.started(job)
            begin = time.perf_counter()
            try:
                result = _run_job(job, plan, work, settings, ledger, listener, sources)
            except Exception as error:
                spent = time.perf_counter() - begin
                trace = traceback.format_exc()
                result = Result(job.source, FAILED, seconds=spent, message=explain(job.source, error), trace=trace)
            results.append(result)
            listener.finished(result)
    finally:
        ledger.remove_empty()
    return results


def _run_job(
    job: Job,
    plan: Plan,
    work: Work,
    settings: Callable[[Job], dict[str, Any]],
    ledger: Ledger,
    listener: Listener,
    sources: Callable[[Job], list[Path]],
) -> Result:
    begin = time.perf_counter()
    check_file(job.source)
    inputs = {path.name: file_checksum(path) for path in sources(job)}
    made_from = {"inputs": inputs, **settings(job)}
    outputs = dict(zip((suffix.lstrip(".") for suffix in plan.suffixes), plan.targets(job), strict=True))
    reason = None
    if plan.resume:
        reason = ledger.difference(job.name, made_from, plan.suffixes)
        if reason is None:
            message = "complete and made with the same settings"
            return Result(job.source, SKIPPED, outputs, time.perf_counter() - begin, message)
    stage = ledger.stage()
    try:
        details = work(job, stage / job.name.name, listener.progress)
        ledger.commit(job.name, stage, plan.suffixes, made_from)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Result(job.source, DONE, outputs, time.perf_counter() - begin, reason, details)


def explain(source: Path, error: Exception) -> str:
    """One line for a failure: what a person can act on as it is, a defect with its kind."""
    if isinstance(error, SedtalkerError):
        text = str(error)
        return text if str(source) in text else f"{source}: {text}"
    if isinstance(error, MemoryError):
        return f"{source}: not enough memory; close other programs or cut the recording"
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{source}: {error.strerror}{where}"
    return f"{source}: internal error: {type(error).__name__}: {error}; please report it with the output of --debug"


def exit_status(results: Sequence[Result]) -> int:
    """0 when every input is done or was complete, else 1."""
    return int(any(result.status == FAILED for result in results))
