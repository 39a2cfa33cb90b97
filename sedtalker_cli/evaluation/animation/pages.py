"""Tables and report page of `evaluate animation`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sedtalker_cli.evaluation.animation.plots import draw_errors, draw_openings
from sedtalker_cli.evaluation.animation.report import AnimationReport, SequenceScore
from sedtalker_cli.evaluation.metrics.animation import DEFINITIONS, POOLING, SEDTALKER, STANDARD, Scores
from sedtalker_cli.evaluation.report.html import Page, Section
from sedtalker_cli.evaluation.report.tables import Table, number
from sedtalker_cli.render.plots.canvas import svg_text
from sedtalker_cli.version import __version__

TITLES = {
    "lve": "LVE",
    "mve": "MVE",
    "eve": "EVE",
    "eve_unsquared": "EVE unsquared",
    "fdd": "FDD",
    "fdd_abs": "|FDD|",
    "ve": "VE",
    "ae": "AE",
    "jitter": "jitter",
    "jitter_reference": "reference's",
    "lip_r": "lip r",
    "lip_timing_ms": "lip timing [ms]",
    "lip_matched": "matched",
    "lip_speech_r": "lip-speech r",
    "lip_speech_r_reference": "reference's",
}
PLAIN = {"lip_r": 3, "lip_timing_ms": 1, "lip_matched": 2, "lip_speech_r": 3, "lip_speech_r_reference": 3}  # decimals
PICTURED = 6  # sequences
WIDTH = 10.5  # inches
OTHER_WAYS = (
    "The authors' script further compares predictions with every frame of the reference files, whatever their rate; "
    "here both sides are at the rate of the data set's use."
)


def cell(name: str, value: float | None) -> str:
    """A score; errors of vertices are small and get an exponent."""
    if name in PLAIN or value is None or math.isnan(value):
        return number(value, PLAIN.get(name, 3))
    return f"{value:.3e}"


def score_tables(rows: Mapping[str, Scores], title: str, definitions: str, first: str = "") -> list[Table]:
    """Vertices, and lips where they are known; one row a model, emotion or sequence.

    The titles say whose definitions these are.
    """
    tables = []
    for part, is_wanted in (("vertices", lambda name: name not in PLAIN), ("lips", lambda name: name in PLAIN)):
        shown = [name for name in TITLES if is_wanted(name) and any(name in scores for scores in rows.values())]
        cells = [
            [row, *(cell(name, scores.get(name)) for name in shown)]
            for row, scores in rows.items()
            if any(name in scores for name in shown)
        ]
        if cells:
            columns = (first, *(TITLES[name] for name in shown))
            tables.append(Table(f"{title}, {part}; definitions: {definitions}", columns, cells))
    return tables


def animation_tables(report: AnimationReport) -> list[Table]:
    """Overall, by emotion, by emotion and intensity; what is not known is left out."""
    count = len(report.sequences)
    tables = score_tables(report.overall, f"{count} sequence{'s' if count > 1 else ''}", report.definitions)
    for title, rows in (("By emotion", report.emotions), ("By emotion and intensity", report.intensities)):
        if rows:
            tables += score_tables(rows, title, report.definitions)
    return tables


def definition_table(report: AnimationReport) -> Table:
    """What every column means."""
    texts = DEFINITIONS[report.definitions]
    used = [name for name in TITLES if any(name in row.scores for row in report.sequences)]
    return Table(
        f"Definitions: {report.definitions}",
        ("measure", "key in report.json", "definition"),
        [[TITLES[name], name, texts[name]] for name in used],
    )


def spread(report: AnimationReport, count: int) -> list[SequenceScore]:
    """Up to `count` sequences, evenly along the ranking by lip vertex error, the best first."""
    ranked = sorted(report.sequences, key=lambda row: (row.scores["lve"], row.name))
    places = np.unique(np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int))
    return [ranked[k] for k in places.tolist()]


def animation_page(report: AnimationReport, facts: Mapping[str, Any]) -> Page:
    """Page of predicted motion against references."""
    tables = animation_tables(report)
    sections = [Section("Scores", "Still face: the face at rest in place of the prediction.", tables, _bars(report))]
    chosen = [(f"{row.name}: LVE {row.scores['lve']:.2e}", row.openings, row.fps) for row in spread(report, PICTURED)]
    picture = svg_text(
        lambda figure: draw_openings(figure, chosen), (WIDTH, 0.4 + 1.5 * len(chosen)), "lips", "lip openings over time"
    )
    text = f"Up to {PICTURED} sequences, evenly along the ranking by LVE."
    sections.append(Section("Lip opening", text, pictures=[picture]))
    meaning = POOLING[report.definitions]
    if report.definitions == SEDTALKER:
        meaning += " " + OTHER_WAYS
    masks = Table("Masks", ("of", "vertices"), [[name, origin] for name, origin in report.masks.origin.items()])
    shown = [definition_table(report), *([masks] if report.definitions == STANDARD else [])]
    sections.append(Section("Definitions", meaning, shown))
    each = score_tables(
        {row.name: row.scores for row in report.sequences}, "One by one", report.definitions, "sequence"
    )
    sections.append(Section("Sequences", "", each))
    notes = {f"note {k}": note for k, note in enumerate(report.notes, start=1)}
    return Page(
        "Face motion against references",
        {**facts, "definitions": report.definitions, **notes, "version": f"sedtalker {__version__}"},
        sections,
    )


def _bars(report: AnimationReport) -> list[str]:
    groups = report.intensities or report.emotions
    if len(groups) < 2:
        return []
    size = (WIDTH, 5.2)
    return [svg_text(lambda figure: draw_errors(figure, groups, ("lve", "mve", "fdd")), size, "groups", "errors")]
