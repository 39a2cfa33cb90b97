"""`--summary`: the table of a batch, from what its inputs led to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sedtalker_cli.audio.recording import Recording
from sedtalker_cli.batch.processing import FAILED, Plan, Result
from sedtalker_cli.errors import SedtalkerError, UsageError
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.model.diarization import notes_of
from sedtalker_cli.outputs.summary import failed_row, summary_row, write_summary

DETAIL = "summary"


def check_summary(path: Path | None, plan: Plan, sources: Sequence[Path]) -> None:
    """Find out before any work whether the table can be written.

    Raises:
        UsageError: its folder is not there, or it would replace an input.
    """
    if path is None:
        return
    if not path.parent.is_dir() and path.parent.resolve() != plan.out.resolve():
        raise UsageError(f"--summary {path}: {path.parent} is not a folder; make it first")
    if path.resolve() in {source.resolve() for source in (*sources, *plan.protected)}:
        raise UsageError(f"--summary {path}: is an input and would be replaced; choose another name")


def write_batch_summary(path: Path, results: Sequence[Result]) -> None:
    """Write one row a result, in their order; what a resumed batch skipped is read from its outputs.

    Args:
        path: CSV to write.
        results: as `batch.run.run_batch` gives them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_summary(path, [_row(result) for result in results])


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
