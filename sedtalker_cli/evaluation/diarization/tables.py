"""Scores as tables of text, the same for the console and for pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sedtalker_cli.evaluation.metrics.confusion import Confusion
from sedtalker_cli.evaluation.report.tables import Table, number

if TYPE_CHECKING:
    from sedtalker_cli.evaluation.diarization.checkpoint import DiarizationReport
    from sedtalker_cli.evaluation.diarization.clips import ClipScores
    from sedtalker_cli.evaluation.diarization.conditions import ConditionScores
    from sedtalker_cli.evaluation.diarization.joined import JoinedScores
    from sedtalker_cli.evaluation.diarization.speakers import Spread
    from sedtalker_cli.evaluation.metrics.diarization import DiarizationScore


def segment_table(scores: Mapping[str, DiarizationScore], title: str) -> Table:
    """The measures of whole sets of recordings, one row a set."""
    rows = []
    for name, score in scores.items():
        total, boundary = score.total, score.boundary
        parts = (total.missed, total.false_alarm, total.confusion)
        shares = (part / total.duration if total.duration else math.nan for part in parts)
        values = (score.eder_micro, *shares, score.eder_macro, boundary.precision, boundary.recall, boundary.f1)
        rows.append([name, *map(number, values)])
    tolerance = next(iter(scores.values())).tolerance
    columns = ("", "EDER micro", "= missed", "+ false alarm", "+ confusion", "EDER macro", "boundary P", "R", "F1")
    return Table(f"{title}; boundaries within {tolerance:g} s", columns, rows)


def time_table(confusion: Confusion) -> Table:
    """Accuracy and F1 of time."""
    names = ("accuracy", "macro F1", "weighted F1", "UAR")
    values = (confusion.accuracy, confusion.macro_f1, confusion.weighted_f1, confusion.uar)
    return Table(
        "Time in the right class", ("seconds", *names), [[number(confusion.support.sum(), 1), *map(number, values)]]
    )


def class_table(confusion: Confusion, title: str, unit: str) -> Table:
    """Precision, recall and F1 of every class, and what it was called.

    Args:
        confusion: of the classes.
        title: of the table.
        unit: of the amounts, e.g. `frames`.
    """
    rows = []
    for i, name in enumerate(confusion.classes):
        amount = confusion.support[i]
        share = confusion.matrix[i] / amount if amount else [math.nan] * len(confusion.classes)
        values = (confusion.precision[i], confusion.recall[i], confusion.f1[i], *share)
        rows.append([name, f"{amount:.0f}", *(number(value, 2) for value in values)])
    return Table(title, ("class", unit, "P", "R", "F1", *confusion.classes), rows)


def file_table(score: DiarizationScore) -> Table:
    """One row a recording, the worst first; parts in s."""
    rows = []

    def rank(name: str) -> tuple[float, str]:
        rate = score.errors[name].eder
        return (math.inf if math.isnan(rate) else -rate), name

    for name in sorted(score.errors, key=rank):
        error, boundary = score.errors[name], score.boundaries[name]
        seconds = (error.duration, error.missed, error.false_alarm, error.confusion)
        changes = f"{boundary.matched} / {boundary.reference} / {boundary.hypothesis}"
        rows.append([name, number(error.eder), *(number(value, 2) for value in seconds), changes])
    columns = ("recording", "EDER", "evaluated [s]", "missed", "false alarm", "confusion", "changes hit / true / found")
    return Table("Recordings, the worst first", columns, rows)


def corpus_table(clips: ClipScores, title: str) -> Table:
    """Whole clips, one row a corpus, and the pool's corpora together."""
    parts = (clips.frames, clips.clips, clips.known)
    rows = [(name, *(part[name] for part in parts), ece) for name, ece in clips.calibration.items()]
    rows.append((f"{len(clips.pool)} of training", *(clips.pooled(part) for part in parts), clips.reliability))
    columns = ("corpus", "clips", "frame accuracy", "frame macro F1", "clip UAR", "clip UAR, its classes only", "ECE")
    return Table(
        f"{title}, clips by their mean posterior",
        columns,
        [
            [name, f"{whole.support.sum():.0f}"]
            + [number(v) for v in (frames.accuracy, frames.macro_f1, whole.uar, known.uar, calibration.ece)]
            for name, frames, whole, known, calibration in rows
        ],
    )


def scalar_table(clips: ClipScores, adapted: ClipScores) -> Table:
    """Calibration and intensity, without and with adaptation; what no corpus tells is left out."""
    rows = [
        [name, number(value), number(other)]
        for (name, value), (_, other) in zip(scalars(clips), scalars(adapted), strict=True)
        if value is not None
    ]
    return Table("Calibration and intensity", ("measure", "value", "adapted to the speaker"), rows)


def scalars(clips: ClipScores) -> list[tuple[str, float | None]]:
    """Measures of calibration and intensity by name."""
    return [
        (clips.reliability.name, clips.reliability.ece),
        ("intensity, strong against normal, AUC", clips.strong_auc),
        ("intensity against annotated arousal, Spearman", clips.arousal_spearman),
        ("intensity against annotated arousal, Spearman by speaker", clips.arousal_by_speaker),
        *((f"intensity against the levels of {c}, Spearman by speaker", v) for c, v in clips.level_by_speaker.items()),
        ("mean intensity of neutral clips", clips.neutral_intensity),
    ]


def sound_table(clips: ClipScores, adapted: ClipScores) -> Table:
    """Non-verbal sounds, one row a kind: how often the answer is one that counts."""
    rows = [
        [kind, str(count), number(share), number(adapted.sounds[kind][1])]
        for kind, (count, share) in clips.sounds.items()
    ]
    title = "Non-verbal sounds, share that is called what they stand for"
    return Table(title, ("sound", "clips", "right", "adapted to the speaker"), rows)


def speaker_table(clips: ClipScores, adapted: ClipScores) -> Table:
    """How clip UAR and frame accuracy spread over the speakers of each corpus."""
    rows = []
    for corpus in clips.speaker_clips:
        for name, scores in (("plain", clips), ("adapted", adapted)):
            spreads = (scores.speaker_clips[corpus], scores.speaker_frames[corpus])
            cells = [cell for spread in spreads for cell in spread_cells(spread)]
            rows.append([f"{corpus}, {name}", str(spreads[0].count), *cells])
    parts = ("deviation", "quartiles")
    columns = ("corpus", "speakers", "clip UAR", *parts, "frame accuracy", *parts)
    return Table("Speakers: mean, deviation, and quartiles with the median", columns, rows)


def spread_cells(spread: Spread) -> list[str]:
    """Mean, deviation, quartiles."""
    quartiles = " / ".join(number(value, 2) for value in spread.quartiles)
    return [number(spread.mean), number(spread.deviation), quartiles]


def habit_table(clips: ClipScores, adapted: ClipScores) -> Table:
    """Changes of the label, false neutral and false emotion, one row a measure and corpus."""
    measures = {
        "label changes a minute in clips of one emotion": "changes",
        "emotional clips called neutral": "false_neutral",
        "read speech called something else than neutral, share of time": "false_emotion",
    }
    rows = []
    for title, name in measures.items():
        values, others = getattr(clips.habits, name), getattr(adapted.habits, name)
        rows += [[f"{title}: {corpus}", number(values[corpus]), number(others[corpus])] for corpus in values]
    return Table("Changes, false neutral and false emotion", ("measure", "value", "adapted to the speaker"), rows)


def condition_table(conditions: ConditionScores) -> Table:
    """Clip UAR and its loss in every condition, one row a condition and corpus, and the mean of corpora."""
    sides = (conditions.plain, conditions.adapted)
    recorded = next(iter(conditions.plain))
    rows = []
    for condition in conditions.plain:
        for corpus, count in conditions.clips.items():
            values = [(side[condition][corpus], side[recorded][corpus] - side[condition][corpus]) for side in sides]
            rows.append([condition, corpus, str(count), *(number(v) for pair in values for v in pair)])
        means = [[math.fsum(side[name].values()) / len(side[name]) for name in (condition, recorded)] for side in sides]
        cells = [number(v) for value, whole in means for v in (value, whole - value)]
        rows.append([condition, "mean of corpora", str(sum(conditions.clips.values())), *cells])
    columns = ("condition", "corpus", "clips", "clip UAR", "loss", "adapted", "loss")
    title = "Conditions: the same clips made worse, loss against them as recorded; speakers known by theirs as recorded"
    return Table(title, columns, rows)


def joined_table(joined: JoinedScores, title: str) -> Table:
    """Joined clips: the diarizer, adapted, and one guess a file."""
    scores = {
        "diarizer": joined.diarizer,
        "adapted to the speaker": joined.adapted,
        "one guess a file": joined.single_guess,
    }
    return segment_table(scores, f"{title} ({len(joined.diarizer.errors)} recordings)")


def checkpoint_sections(report: DiarizationReport) -> dict[str, list[Table]]:
    """Tables of a checkpoint on a split, by what they are about."""
    clips, adapted = report.clips, report.adapted
    title = f"Whole recordings as they lie, {report.split} split, {report.scored}"
    joined = "Joined clips{}, with pauses (true boundaries in their middle) and silence at the ends (of the next clip)"
    return {
        "corpora": [
            corpus_table(clips, title),
            corpus_table(adapted, f"{title}, adapted to each speaker by all their clips"),
            speaker_table(clips, adapted),
        ],
        "classes": [
            class_table(
                clips.pooled(clips.frames),
                "Frames by class, corpora of training, and what it was called (share)",
                "frames",
            )
        ],
        "joined": [
            joined_table(report.joined, joined.format(", corpora of training")),
            *([joined_table(report.foreign, joined.format(" of other corpora"))] if report.foreign else []),
            *([joined_table(report.marked, "Recordings with marked spans")] if report.marked else []),
        ],
        "calibration": [
            scalar_table(clips, adapted),
            *([sound_table(clips, adapted)] if clips.sounds else []),
        ],
        "habits": [habit_table(clips, adapted)],
        "conditions": [condition_table(report.conditions)] if report.conditions else [],
    }


def checkpoint_tables(report: DiarizationReport) -> list[Table]:
    """All tables of a checkpoint on a split."""
    return [table for tables in checkpoint_sections(report).values() for table in tables]


def rttm_tables(score: DiarizationScore) -> list[Table]:
    """All tables of a set of RTTM files."""
    title = f"{len(score.errors)} recording{'s' if len(score.errors) > 1 else ''}"
    return [
        segment_table({"hypothesis": score}, title),
        time_table(score.confusion),
        class_table(score.confusion, "Time by class, and what it was called (share)", "seconds"),
        file_table(score),
    ]
