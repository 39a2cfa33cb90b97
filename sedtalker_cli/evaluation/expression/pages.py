"""Tables and report page of `evaluate expression`."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sedtalker_cli.evaluation.expression.ranges import LEADING, LIPS, TAKES, TOLERANCE, UNIT_FACTOR, WANTED
from sedtalker_cli.evaluation.expression.scores import SHOWN, ExpressionReport, worst_ratio
from sedtalker_cli.evaluation.lipsync.action_units import ARKIT_OF_UNIT, EMOTIONS, measured_changes
from sedtalker_cli.evaluation.metrics.dynamics import Dynamics
from sedtalker_cli.evaluation.report.html import Page, Section
from sedtalker_cli.evaluation.report.tables import Table, number
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.version import __version__

COLUMNS = {
    "spoken": "mean in speech",
    "mean": "mean",
    "p95": "p95",
    "apex": "largest",
    "deviation": "deviation",
    "half_life": "half-life [s]",
    "fast": ".5-8 Hz",
    "energy_r": "r with energy",
}
MEASURES = (
    "Every recording in every emotion. Deviation, 95th percentile and the deviation within .5 to 8 Hz are over all "
    "frames; the half-life is that of the autocorrelation of all recordings of a set. Leading channels (*) are "
    "wanted within "
    + ", ".join(f"{COLUMNS[name]} {least:g} to {most:g}" for name, (least, most) in WANTED.items())
    + "; ! marks what is not. Real takes: people who act while they talk, at everyday intensity, least to most."
)
LIP_TEXT = (
    "The mouth while somebody speaks, against the same words in neutral; least r: with the lip gap of any other "
    "emotion; closures: frames with closed lips that stay closed."
)
UNIT_TEXT = (
    "Change of a coefficient against neutral while somebody speaks, beside OpenFace's on the actors of RAVDESS (strong "
    f"acting, another scale). Ratios between emotions may differ by a factor of {UNIT_FACTOR:g}; emotions that hardly "
    "move a unit are in brackets and not compared."
)


def _cells(emotion: str, channel: str, moves: Dynamics) -> list[str]:
    leading = channel in LEADING.get(emotion, ())
    cells = []
    for name in COLUMNS:
        value, (least, most) = getattr(moves, name), WANTED.get(name, (float("-inf"), float("inf")))
        missed = leading and not least <= abs(value) <= most
        cells.append(number(value, 2 if name != "fast" else 3) + ("!" if missed else ""))
    return cells


def channel_table(report: ExpressionReport, name: str) -> Table:
    """How the channels of every emotion move in one set, with a row of real takes where there is one."""
    rows = []
    for emotion, channels in report.channels[name].items():
        for channel, moves in channels.items():
            if moves.p95 < SHOWN:
                continue
            star = "*" if channel in LEADING.get(emotion, ()) else ""
            rows.append([emotion, channel + star, *_cells(emotion, channel, moves)])
            real = TAKES.get(emotion, {}).get(channel)
            if real:
                rows.append(["", "real takes", *(_span(real.get(column)) for column in COLUMNS)])
    title = f"{name}, recordings: {len(report.recordings[name])}"
    return Table(title, ("emotion", "coefficient", *COLUMNS.values()), rows)


def _span(values: tuple[float, float] | None) -> str:
    if values is None:
        return "–"
    least, most = values
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def lip_table(report: ExpressionReport) -> Table:
    """The speaking mouth of every emotion."""
    rows = []
    for emotion, lips in report.lips.items():
        cells = []
        for measure in ("opening", "width"):
            value, wanted = getattr(lips, measure), LIPS.get(emotion, {}).get(measure)
            missed = wanted and not wanted[0] - TOLERANCE <= value <= wanted[1] + TOLERANCE
            cells += [number(value, 2) + ("!" if missed else ""), _span(wanted)]
        rows.append([emotion, *cells, number(lips.gap_r), number(lips.closures)])
    columns = ("emotion", "opening", "people", "width", "people", "least r", "closures")
    ratio = number(report.within / report.between, 2)
    return Table(f"Lips; upper face: spread within an emotion / between emotions = {ratio}", columns, rows)


def unit_table(report: ExpressionReport) -> Table:
    """Sizes of action units, ours and the actors'."""
    rows = []
    for unit, found in report.units.items():
        cells = []
        for emotion in EMOTIONS:
            cells.append(f"{found[emotion]:.2f} / {measured_changes(emotion)[unit].strong:.2f}")
        worst = worst_ratio(unit, found)
        rows.append([f"{unit} {ARKIT_OF_UNIT[unit]}", *cells, f"{worst:.2f}" + ("!" if worst > UNIT_FACTOR else "")])
    return Table("Action units: ours / actors'", ("unit", *EMOTIONS, "largest factor"), rows)


def report_tables(report: ExpressionReport) -> list[Table]:
    """All tables."""
    return [*(channel_table(report, name) for name in report.channels), lip_table(report), unit_table(report)]


def expression_page(report: ExpressionReport, facts: Mapping[str, Any]) -> Page:
    """Page of how expressions move."""
    sections = [
        Section("Movement", MEASURES, [channel_table(report, name) for name in report.channels]),
        Section("Lips", LIP_TEXT, [lip_table(report)]),
        Section("Sizes", UNIT_TEXT, [unit_table(report)]),
    ]
    return Page("Expression", {"version": __version__, **facts}, sections)


def expression_csv(report: ExpressionReport) -> str:
    """One row a set, emotion and coefficient."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    names = [field.name for field in fields(Dynamics)]
    rows.writerow(["set", "emotion", "coefficient", *names])
    for name, emotions in report.channels.items():
        for emotion, channels in emotions.items():
            for channel, moves in channels.items():
                values = asdict(moves)
                rows.writerow([name, emotion, channel, *(f"{values[key]:.4f}" for key in names)])
    return text.getvalue()


def expression_markdown(report: ExpressionReport) -> str:
    """All tables, for a note."""
    parts = []
    for table in report_tables(report):
        lines = [f"**{table.title}**", "", *(f"| {' | '.join(row)} |" for row in (table.columns, *table.rows))]
        lines.insert(3, "|" + "---|" * len(table.columns))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write_tables(out: Path, report: ExpressionReport) -> None:
    """Write `expression.csv` and `report.md` into a folder."""
    for name, text in (("expression.csv", expression_csv(report)), ("report.md", expression_markdown(report))):
        with atomic_file(out / name) as part:
            part.write_text(text, encoding="utf-8")
