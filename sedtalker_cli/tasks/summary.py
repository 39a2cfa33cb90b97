"""`--summary`: the table of a batch, from what its inputs led to."""

from __future__ import annotations

from collections.abc import Sequence

from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.batch.disk import name_full_disk
from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.ownership import refuse_existing
from sedtalker_cli.batch.processing import FAILED, Plan, Result
from sedtalker_cli.batch.run import check_folder
from sedtalker_cli.batch.tables import OwnTable
from sedtalker_cli.errors import SedtalkerError, UsageError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.model.diarization import notes_of
from sedtalker_cli.outputs.summary import failed_row, summary_row, write_summary

DETAIL = "summary"


def check_summary(plan: Plan, jobs: Sequence[Job]) -> None:
    """Find out before any work whether the table can be written.

    Raises:
        UsageError: its folder is not there, it would replace an input or another table, or it exists already (a
            resumed run replaces what an earlier one wrote, unless it was edited).
    """
    path = plan.summary
    if path is None:
        return
    if not path.parent.is_dir() and path.parent.resolve() != plan.out.resolve():
        raise UsageError(f"--summary {path}: {path.parent} is not a folder; make it first")
    check_folder(path.parent, f"--summary {path}")
    if path.resolve() in {source.resolve() for source in (*(job.source for job in jobs), *plan.protected)}:
        raise UsageError(f"--summary {path}: is an input and would be replaced; choose another name")
    if path.resolve() == plan.failures.resolve():
        raise UsageError(f"--summary {path}: is the table of failures; choose another name")
    if path.is_dir():
        raise UsageError(f"--summary {path}: is a folder; name a file")
    if not (plan.resume and OwnTable(path).is_ours()):
        refuse_existing([path], plan.overwrite, "move it away, use --overwrite, or give --summary another name")


def write_batch_summary(plan: Plan, results: Sequence[Result]) -> None:
    """Write one row a result, in their order; what a resumed batch skipped is read from its outputs.

    Args:
        plan: with its `summary`.
        results: as `batch.run.run_batch` gives them.
    """
    assert plan.summary is not None
    rows = [_row(result) for result in results]
    with name_full_disk(plan.summary.parent):
        OwnTable(plan.summary).write(lambda part: write_summary(part, rows), plan.overwrite)


def _row(result: Result) -> dict[str, str]:
    if result.status == FAILED:
        return failed_row(result.source, (result.message or "").removeprefix(f"{result.source}: "))
    if DETAIL in result.details:
        return result.details[DETAIL]
    try:
        timeline = read_emotion_csv(result.outputs["emotion.csv"])
        return summary_row(result.source, timeline, notes_of(Recording(result.source), timeline))
    except SedtalkerError as error:
        return failed_row(result.source, str(error))
