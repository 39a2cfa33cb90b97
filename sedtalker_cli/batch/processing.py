"""One input, from the check of its record to its finished outputs; an error becomes a result."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sedtalker_cli.audio.files import check_file
from sedtalker_cli.batch.commit import Committed, commit
from sedtalker_cli.batch.disk import explain_os_error, name_full_disk
from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.threads import cores
from sedtalker_cli.errors import SedtalkerError
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.progress import Progress

_OUT_OF_MEMORY = re.compile("out of memory|allocate memory", re.IGNORECASE)  # as PyTorch words it
DONE, SKIPPED, FAILED = "done", "skipped", "failed"
INPUTS = "inputs"  # where records have the checksums of what outputs were made from


@dataclass(frozen=True)
class Plan:
    """Where the outputs go, and what is done with those that exist.

    Attributes:
        command: name of the command.
        out: output folder.
        suffixes: of the files that every input leads to.
        overwrite: whether outputs that exist are made again.
        resume: whether outputs that exist and are the same are left alone (others are made again).
        protected: files given by the user that no output may replace.
        part: (I, N) where this run is one of N that share the inputs.
        summary: table of all inputs, None for none.
    """

    command: str
    out: Path
    suffixes: tuple[str, ...]
    overwrite: bool = False
    resume: bool = False
    protected: tuple[Path, ...] = ()
    part: tuple[int, int] | None = None
    summary: Path | None = None

    @property
    def tables(self) -> tuple[Path, ...]:
        """Files of the run as a whole."""
        return (self.failures, *((self.summary,) if self.summary else ()))

    @property
    def failures(self) -> Path:
        """Table of the inputs that failed; runs that share the folder have their own."""
        return self.out / ("failures.csv" if self.part is None else "failures.{}-of-{}.csv".format(*self.part))

    def targets(self, job: Job) -> list[Path]:
        """Final names of a job's outputs."""
        return [self.out / f"{job.called}{suffix}" for suffix in self.suffixes]

    def outputs(self, job: Job) -> dict[str, Path]:
        """Final names by suffix without the leading dot."""
        return dict(zip((suffix.lstrip(".") for suffix in self.suffixes), self.targets(job), strict=True))


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


COMPLETE = "complete and made with the same settings"


class Complete(Result):
    """The result of an input whose outputs are known to be complete; small in memory, as there may be a million.

    Args:
        job: the input.
        plan: of the run.
    """

    __slots__ = ("_job", "_plan")
    _job: Job
    _plan: Plan

    def __init__(self, job: Job, plan: Plan):
        object.__setattr__(self, "_job", job)
        object.__setattr__(self, "_plan", plan)

    @property
    def source(self) -> Path:
        return self._job.source

    @property
    def status(self) -> str:
        return SKIPPED

    @property
    def outputs(self) -> dict[str, Path]:
        return self._plan.outputs(self._job)

    @property
    def message(self) -> str:
        return COMPLETE

    @property
    def details(self) -> dict[str, Any]:
        return {}


class Task:
    """What a command does with each input. Subclasses are dataclasses of options, so that any process can hold one.

    What `load` reads is kept in further attributes; these stay behind when a task is sent to another process.
    """

    @property
    def forkable(self) -> bool:
        """Whether what was loaded works in a forked process: not so on a GPU."""
        return True

    @property
    def gpus(self) -> int:
        """How many every process needs."""
        return 0

    is_loaded = False

    def ready(self, threads: int = 1) -> None:
        """Load unless that is done.

        Raises:
            SedtalkerError: see `load`.
        """
        if self.is_loaded:
            self.use_threads(threads)
            return
        self.load(threads)
        self.is_loaded = True

    def load(self, threads: int = 1) -> None:
        """Read models, once a process, before the first job.

        Args:
            threads: how many the process may use.

        Raises:
            SedtalkerError: they cannot be used.
        """

    def use_threads(self, threads: int) -> None:
        """Use so many for the next job; what was loaded stays."""

    def settings(self, job: Job) -> dict[str, Any]:
        """What makes a job's outputs differ, models' checksums included; JSON-serialisable."""
        return {}

    def sources(self, job: Job) -> list[Path]:
        """Files that a job's outputs are made from."""
        return [job.source]

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        """Write every output of the plan beside `stem` (folder and name without suffix); give details for `--json`."""
        raise NotImplementedError

    def cost(self, job: Job) -> float:
        """About how long a job takes, in any unit, without reading the whole file; used for the order of work."""
        try:
            return float(job.source.stat().st_size)
        except OSError:
            return 0.0

    @property
    def smaller(self) -> str:
        """Advice where the outputs do not fit on the disk."""
        return "choose another folder, or fewer inputs"

    def size(self, job: Job) -> float:
        """About how many bytes a job's outputs will take; 0 where that does not matter or cannot be known."""
        return 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}


def estimate(expected: Callable[[Job], float], job: Job) -> float:
    """What a task expects of a job, before any work.

    A job that cannot even be looked at counts as 0, and says why when its turn comes: whatever a library makes of a
    file that is none must not stop the others.

    Args:
        expected: `Task.cost` or `Task.size`.
        job: any.
    """
    try:
        check_file(job.source)
        return expected(job)
    except Exception:
        return 0.0


def process(job: Job, plan: Plan, task: Task, ledger: Ledger, progress: Progress) -> Result:
    """Work on a job unless its outputs are complete; errors become a failure with a reason.

    Args:
        job: checked by `batch.run.check_plan`.
        plan: see there.
        task: loaded.
        ledger: of the plan's output folder.
        progress: called as (stage, done, total).
    """
    begin = time.perf_counter()
    try:
        result = _process(job, plan, task, ledger, progress)
    except Exception as error:
        trace = traceback.format_exc()
        result = Result(job.source, FAILED, message=explain(job.source, error), trace=trace)
        ledger.note_failure(job.name)
    return Result(**{**vars(result), "seconds": time.perf_counter() - begin})


def _process(job: Job, plan: Plan, task: Task, ledger: Ledger, progress: Progress) -> Result:
    before = ledger.marks.state_of(task.sources(job))
    made_from = provenance(job, task)
    settings = {name: value for name, value in made_from.items() if name != INPUTS}
    outputs = plan.outputs(job)
    reason = None
    if plan.resume:
        reason = ledger.difference(job.name, made_from, plan.suffixes)
        if reason is None:
            kept = Committed(kept=tuple(ledger.edited(job.name, plan.suffixes)))
            ledger.confirm(job.name)
            if not kept.kept:
                ledger.remember(job.name, plan.suffixes, before, settings)
            said = "; ".join([COMPLETE, *_remarks(kept)])
            return Result(job.source, SKIPPED, outputs, message=said, details=_details(kept))
    with ledger.stage() as stage, name_full_disk(plan.out):
        details = task.work(job, stage / job.name.name, progress)
        became = commit(ledger, job.name, stage, plan.suffixes, made_from, job.source, plan.overwrite)
    if not became.kept:
        ledger.remember(job.name, plan.suffixes, before, settings)
    message = "; ".join([*([reason] if reason else []), *_remarks(became)]) or None
    return Result(job.source, DONE, outputs, message=message, details={**details, **_details(became)})


def is_complete(job: Job, plan: Plan, task: Task, ledger: Ledger) -> bool:
    """Whether a job's outputs are known to be complete, by marks alone; where False, they may be still.

    Args:
        job: checked by `batch.run.check_plan`.
        plan: see there.
        task: made ready here if that is not done, and only for outputs that are intact.
        ledger: of the plan's output folder.

    Raises:
        SedtalkerError: models cannot be loaded.
    """
    outputs = ledger.marks.of_outputs(job.called, plan.suffixes)
    if outputs is None or not ledger.marks.know(job.called, outputs):
        return False
    if not task.is_loaded:
        task.ready(cores())
    try:
        state, settings = ledger.marks.state_of(task.sources(job)), task.settings(job)
    except (SedtalkerError, OSError):  # which the job reports itself
        return False
    return state is not None and ledger.marks.know(job.called, ledger.marks.of_work(outputs, state, settings))


def provenance(job: Job, task: Task) -> dict[str, Any]:
    """Checksums and settings that a job's outputs depend on; the task is loaded.

    Raises:
        InputError: the input cannot be used.
    """
    check_file(job.source)
    return {INPUTS: [[path.name, file_checksum(path)] for path in task.sources(job)], **task.settings(job)}


def _remarks(became: Committed) -> list[str]:
    """What a person should know of outputs that were not made."""
    remarks = []
    if became.kept:
        remarks.append(f"{_names(became.kept)}: edited since, and kept")
    if became.removed:
        remarks.append(f"{_names(became.removed)}: of an earlier run, and removed")
    return remarks


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _details(became: Committed) -> dict[str, Any]:
    found = {"kept": became.kept, "removed": became.removed}
    return {key: [str(path) for path in paths] for key, paths in found.items() if paths}


def explain(source: Path, error: Exception) -> str:
    """One line for a failure: what a person can act on as it is, a defect with its kind."""
    if isinstance(error, SedtalkerError):
        text = str(error)
        return text if str(source) in text else f"{source}: {text}"
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error))):
        return f"{source}: not enough memory; close other programs, use fewer --jobs or cut the recording"
    if isinstance(error, OSError) and error.strerror:
        return f"{source}: {explain_os_error(error)}"
    return f"{source}: internal error: {type(error).__name__}: {error}; please report it with the output of --debug"
