"""`--summary`: a table of a batch, one row a recording."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import quoted

COLUMNS = ("path", "duration", "speech", "intensity_mean", "intensity_max", "changes", "confidence", "note")


def summary_row(source: Path, timeline: EmotionTimeline, notes: Sequence[str] = ()) -> dict[str, str]:
    """One row of the table.

    Args:
        source: The recording.
        timeline: Of it.
        notes: What a reader should know.

    Returns:
        Column -> text: `path`; `duration` in s; `speech`, share of the time; `share_<class>`, share of the time of
        each emotion, as the segments have it (they sum to 1); mean and highest intensity, and the mean probability of
        the emotion that was chosen, over speech where there is any; number of changes of emotion; `note` with all
        notes, else empty.
    """
    speech = (timeline.speech >= 0.5).astype(np.float64)
    frames = np.full(len(speech), HOP)
    if len(frames):
        frames[-1] = timeline.duration - HOP * (len(frames) - 1)
    heard = float(frames @ speech)
    weight = frames * speech if heard > 0 else frames
    total = max(float(weight.sum()), 1e-9)
    chosen = timeline.posteriors[np.arange(len(frames)), timeline.labels]
    row = {"path": str(source), "duration": f"{timeline.duration:.3f}"}
    row["speech"] = f"{heard / max(timeline.duration, 1e-9):.4f}"
    for name in sorted(timeline.classes):
        share = float(frames[timeline.labels == timeline.classes.index(name)].sum())
        row[f"share_{name}"] = f"{share / max(timeline.duration, 1e-9):.4f}"
    row["intensity_mean"] = f"{float(weight @ timeline.intensity) / total:.4f}"
    row["intensity_max"] = f"{float(timeline.intensity[weight > 0].max(initial=0.0)):.4f}"
    row["changes"] = str(max(0, len(runs_of(timeline.labels)) - 1))
    row["confidence"] = f"{float(weight @ chosen) / total:.4f}"
    row["note"] = "; ".join(notes)
    return row


def failed_row(source: Path, reason: str) -> dict[str, str]:
    """The row of a recording that could not be used: only its path and the reason, as its note."""
    return {"path": str(source), "note": f"failed: {reason}"}


def write_summary(path: str | os.PathLike, rows: Sequence[dict[str, str]]) -> None:
    """Write the table whole or not at all; recordings in the order given, emotions in alphabetical order.

    Args:
        path: CSV to write; an existing one is replaced.
        rows: As `summary_row` and `failed_row` give them; their classes may differ.
    """
    shares = sorted({name for row in rows for name in row if name.startswith("share_")})
    header = [*COLUMNS[:3], *shares, *COLUMNS[3:]]
    with atomic_file(path) as part, open(part, "w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {name: quoted(row.get(name, "")) for name in ("path", "note")} for row in rows)
