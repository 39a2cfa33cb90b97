"""Tables and report page of `evaluate lipsync`."""

from collections.abc import Mapping
from typing import Any

from sedtalker_cli.evaluation.lipsync.action_units import ARKIT_OF_UNIT, measured_changes
from sedtalker_cli.evaluation.lipsync.animator import LipsyncReport, Scores
from sedtalker_cli.evaluation.lipsync.expression import KEY_COEFFICIENT, LEVELS, ExpressionScores
from sedtalker_cli.evaluation.metrics.expression import is_rising
from sedtalker_cli.evaluation.report.html import Page, Section
from sedtalker_cli.evaluation.report.tables import Table, number
from sedtalker_cli.version import __version__

COLUMNS = {
    "jawOpen_r": "jaw r",
    "lip_gap_r": "lip gap r",
    "lip_width_r": "width r",
    "mouthFunnel_r": "funnel r",
    "mouthPucker_r": "pucker r",
    "lag_ms": "lag [ms]",
    "lag_frames": "frames",
    "lag_r": "r there",
    "closure_rate": "closures",
    "mouthFunnel_contrast": "funnel contrast",
    "mouthPucker_contrast": "pucker contrast",
    "jitter_ratio": "jitter ratio",
    "jitter_60_to_25": "at 60 / 25 fps",
    "closure_precision": "closures right",
    "closure_recall": "closures found",
    "other_onsets_shut": "other onsets shut",
    "labiodental_shut": "f, v shut",
    "labiodental_captured": "captured",
    "shut_share": "speech shut",
    "shut_captured": "captured",
}
SPEAKERS = {
    "lip_gap_r_q1": "gap r, quartile",
    "lip_gap_r_q3": "to",
    "jawOpen_r_q1": "jaw r, quartile",
    "jawOpen_r_q3": "to",
}  # columns of voices, over speakers
WHOLE = {"lag_ms": 0, "lag_frames": 0}  # decimals, where not 3
MEASURES = (
    "r: Pearson's correlation with the capture over all frames. Lag: where the jaw agrees best, positive if it is "
    "late. Closures: share of words on b and p at whose beginning the lips close. Contrast: mean of a coefficient in "
    "words with rounded vowels minus that in words with spread ones; compare with the capture's own. Jitter: third "
    "difference of the jaw against the capture's. Lips are shut below .15 of the speaker's 95th percentile: closures "
    "right, share of the predicted ones that the capture has within 60 ms; closures found, the reverse; other onsets, "
    "of words with neither b, p, f nor v, while captured lips are apart."
)
VOICES = (
    "Speakers that nothing was trained on: medians over recordings, each at its best lag within 0.1 s; closures, the "
    "share of loud frames with shut lips, and quartiles are over speakers."
)
EXPRESSION = (
    "The recordings in every emotion. Lip opening is compared between emotions while words are spoken; the pose of the "
    "upper face is its mean over a recording. Action units: change against neutral at intensity 0.5 and 1, beside what "
    "OpenFace measured on the actors of RAVDESS (another scale: 0 to 5)."
)


def score_table(rows: Mapping[str, Scores], title: str, first: str = "") -> Table:
    """One row a model, baseline or recording; a dash where something is not defined."""
    columns = COLUMNS | SPEAKERS
    known = [name for name in columns if any(name in scores for scores in rows.values())]
    cells = [[row, *(number(scores.get(name), WHOLE.get(name, 3)) for name in known)] for row, scores in rows.items()]
    return Table(title, (first, *(columns[name] for name in known)), cells)


def swap_table(scores: ExpressionScores, source: str) -> Table:
    """Lip opening between emotions, and closures kept in each."""
    emotions = list(dict.fromkeys(name for pair in scores.lip_gap_r for name in pair))
    rows = []
    for emotion in emotions:
        others = [r for pair, r in scores.lip_gap_r.items() if emotion in pair]
        worst = min((r, pair) for pair, r in scores.lip_gap_r.items() if emotion in pair)[1]
        other = next(name for name in worst if name != emotion)
        mean = sum(others) / len(others)
        rows.append([emotion, number(mean), number(min(others)), other, number(scores.closure_rate.get(emotion))])
    title = f"{source}: the same words in all emotions in full, r of the lip opening with the other emotions"
    return Table(title, ("emotion", "mean r", "least r", "with", "closures"), rows)


def pose_table(scores: ExpressionScores, source: str) -> Table:
    """Steadiness of the upper face."""
    row = ["upper face", *map(number, (scores.within, scores.between, scores.pose_ratio))]
    columns = ("pose", "spread within an emotion", "between emotions", "ratio")
    return Table(f"{source}: the same emotion over other words", columns, [row])


def intensity_table(scores: ExpressionScores, source: str) -> Table:
    """Key coefficient of each emotion at rising intensity."""
    rows = [
        [emotion, KEY_COEFFICIENT[emotion], *map(number, values), "yes" if is_rising(values) else "no"]
        for emotion, values in scores.levels.items()
    ]
    columns = ("emotion", "coefficient", *(f"{level:g}" for level in LEVELS), "rising")
    return Table(f"{source}: expression at rising intensity", columns, rows)


def unit_table(scores: ExpressionScores, source: str) -> Table:
    """Main action units of each emotion, as the actors raise them and as the animator does."""
    rows = []
    for emotion, changes in scores.units.items():
        for unit, right in scores.right_signs(emotion).items():
            measured, found = measured_changes(emotion)[unit], changes[unit]
            values = (measured.normal, measured.strong, found.normal, found.strong)
            rows.append(
                [emotion, f"{unit} {ARKIT_OF_UNIT[unit]}", *(number(v, 2) for v in values), "yes" if right else "no"]
            )
    columns = ("emotion", "unit", "actors, normal", "strong", "animator, 0.5", "1", "same sign")
    return Table(
        f"{source}: main action units against RAVDESS, all units r = {number(scores.unit_r, 2)}", columns, rows
    )


def mouth_tables(report: LipsyncReport) -> list[Table]:
    """All tables of mouth motion."""
    return source_tables(report) + voice_tables(report)


def source_tables(report: LipsyncReport) -> list[Table]:
    """Mouth motion, a table a source."""
    return [
        score_table(rows, f"{source}, {report.split} split, recordings: {len(report.recordings[source])}")
        for source, rows in report.scores.items()
    ]


def voice_tables(report: LipsyncReport) -> list[Table]:
    """Voices of many speakers, a table a kind of recording."""
    return [score_table(rows, kind) for kind, rows in report.voices.items()]


def expression_tables(report: LipsyncReport) -> list[Table]:
    """Expressions, four tables a source; none for predictions."""
    return [
        make(scores, source)
        for source, scores in report.expressions.items()
        for make in (swap_table, pose_table, intensity_table, unit_table)
    ]


def lipsync_page(report: LipsyncReport, facts: Mapping[str, Any]) -> Page:
    """Page of mouth motion against captures."""
    sections = [Section("Mouth", MEASURES, source_tables(report))]
    if report.voices:
        sections.append(Section("Voices", VOICES, voice_tables(report)))
    if report.expressions:
        sections.append(Section("Expression", EXPRESSION, expression_tables(report)))
    each = [score_table(rows, source, "recording") for source, rows in report.recordings.items()]
    sections.append(Section("Recordings", "One by one.", each))
    notes = {f"note {k}": note for k, note in enumerate(report.notes, start=1)}
    return Page(
        "Mouth motion against captures",
        {"split": report.split, **facts, **notes, "version": f"sedtalker {__version__}"},
        sections,
    )
