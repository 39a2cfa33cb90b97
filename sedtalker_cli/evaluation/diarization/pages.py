"""What the report pages of `evaluate diarization` show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sedtalker_cli.evaluation.diarization import plots as draw
from sedtalker_cli.evaluation.diarization.files import RttmReport, spread_by_error
from sedtalker_cli.evaluation.diarization.tables import checkpoint_sections, rttm_tables
from sedtalker_cli.evaluation.report.html import Page, Section
from sedtalker_cli.evaluation.report.tables import number
from sedtalker_cli.render.plots.canvas import svg_text
from sedtalker_cli.version import __version__

if TYPE_CHECKING:
    from sedtalker_cli.emotion.timeline import Segment
    from sedtalker_cli.evaluation.diarization.checkpoint import DiarizationReport
    from sedtalker_cli.evaluation.metrics.confusion import Confusion
    from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore

WIDTH = 10.5  # inches of wide pictures
TIMELINES = 6
BARS = 30  # recordings
EDER = (
    "EDER = (missed emotion + false alarm + confusion) / evaluated time (Wang et al., arXiv 2306.12991); micro: all "
    "time together, macro: mean over recordings. Boundaries are changes of emotion, matched one to one."
)


def rttm_page(report: RttmReport) -> Page:
    """Page of hypotheses against references."""
    whole, time, classes, files = rttm_tables(report.score)
    worst = [row[0] for row in files.rows[:BARS]]
    errors = {name: report.score.errors[name] for name in worst}
    size = (WIDTH, 0.9 + 0.26 * len(errors))
    bars = svg_text(lambda figure: draw.draw_error_parts(figure, errors), size, "files", "EDER of recordings")
    facts = {name: value for name, value in report.sources.items() if value is not None}
    notes = {f"note {k}" if len(report.notes) > 1 else "note": note for k, note in enumerate(report.notes, start=1)}
    more = f" The picture shows the {BARS} worst." if len(files.rows) > BARS else ""
    return Page(
        "Emotion diarization: hypotheses against references",
        {**facts, **notes, "version": f"sedtalker {__version__}"},
        [
            Section("Scores", EDER, [whole, time]),
            Section("Classes", "Rows of the matrix: the reference's time; columns: what it was called.", [classes],
                    [_confusion(report.score.confusion, "time")]),
            _timelines(report.score, report.references, report.hypotheses),
            Section("Recordings", f"Parts of EDER in seconds.{more}", [files], [bars]),
        ],
    )  # fmt: skip


def checkpoint_page(report: DiarizationReport, models: Mapping[str, Any]) -> Page:
    """Page of a checkpoint on a split of corpora."""
    clips, joined = report.clips, report.joined
    tables = checkpoint_sections(report)
    series = {
        "frame macro F1": [c.macro_f1 for c in clips.frames.values()],
        "clip UAR": [c.uar for c in clips.clips.values()],
        "clip UAR, its classes only": [c.uar for c in clips.known.values()],
    }
    bars = svg_text(
        lambda figure: draw.draw_bars(figure, list(clips.frames), series), (WIDTH, 3.2), "corpora", "scores by corpus"
    )
    reliability = svg_text(
        lambda figure: draw.draw_reliability(figure, clips.reliability), (5.4, 4.8), "reliability",
        f"reliability diagram, {clips.reliability.name} {number(clips.reliability.ece)}",
    )  # fmt: skip
    facts = {"split": report.split, **{name: _words(value) for name, value in report.settings.items()}}
    facts |= {f"model: {name}": _words(value) for name, value in models.items()}
    return Page(
        f"Emotion diarization: a checkpoint on the {report.split} split",
        {**facts, "version": f"sedtalker {__version__}"},
        [
            Section("Corpora", "Whole recordings of one emotion each, or the spans that a corpus marks, as recorded; "
                    f"scored are {report.scored}.", tables["corpora"], [bars]),
            Section("Classes", "Rows of the matrix: the reference's frames; columns: what they were called.",
                    tables["classes"], [_confusion(clips.pooled(clips.frames), "frames")]),
            Section("Joined clips", EDER, tables["joined"], [_confusion(joined.diarizer.confusion, "joined")]),
            _timelines(joined.diarizer, joined.references, joined.hypotheses),
            Section("Calibration and intensity", "", tables["calibration"], [reliability]),
            Section("Habits", "Where the emotion does not change the label should not either.", tables["habits"]),
            *([Section("Conditions", "", tables["conditions"])] if report.conditions else []),
        ],
    )  # fmt: skip


def _confusion(confusion: Confusion, prefix: str) -> str:
    size = draw.confusion_size(len(confusion.classes))
    return svg_text(lambda figure: draw.draw_confusion(figure, confusion), size, prefix, "confusion matrix")


def _timelines(
    score: DiarizationScore,
    references: Mapping[str, Sequence[Segment]],
    hypotheses: Mapping[str, Sequence[Segment]],
) -> Section:
    """Some recordings, from the best to the worst."""
    names = [name for name in spread_by_error(score, TIMELINES) if name in references]
    pairs = [(f"{n}: EDER {number(score.errors[n].eder)}", references[n], hypotheses.get(n, ())) for n in names]
    pictures = []
    if pairs:
        size = (WIDTH, 0.5 + 1.05 * len(pairs))
        label = "timelines, reference above hypothesis"
        pictures = [svg_text(lambda figure: draw.draw_comparison(figure, pairs, WIDTH), size, "timelines", label)]
    text = f"Up to {TIMELINES} recordings, evenly along the ranking by error rate."
    return Section("Timelines", text, pictures=pictures)


def _words(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
