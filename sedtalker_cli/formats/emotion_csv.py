"""`.emotion.csv`: one row every 20 ms, `frame,time,emotion,intensity,confidence,p_<class>...,speech`."""

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.spans import Span, default_intensity
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.skipping import NAMED, Skipped
from sedtalker_cli.formats.text import read_labels_text

COLUMNS = ("frame", "time", "emotion", "intensity", "confidence")
UNITS = 1_000_000  # probabilities are written with 6 decimals
SUM_TOLERANCE = 0.01
MOST_CLASSES = 256
ROWS_A_BAD_ONE = 20  # a table in which more are bad is another one
DECIMAL_COMMA = re.compile(r"\s*(\d*),(\d+(?:[eE][-+]?\d+)?)\s*")  # 0,25 and 2,5E-05
EQUAL = 2e-5  # of a probability read back, against the same one in another column


def write_emotion_csv(
    path: str | os.PathLike, timeline: EmotionTimeline, speakers: Sequence[str] | None = None
) -> None:
    """Write a timeline; classes in alphabetical order, every row of probabilities sums to exactly 1.000000.

    Args:
        path: file to write.
        timeline: of one recording.
        speakers: T names, written as a last column `speaker`; empty where nobody speaks.
    """
    order = np.argsort(np.array(timeline.classes, dtype=object))
    classes = [timeline.classes[i] for i in order]
    place = np.argsort(order)
    parts = _to_units(timeline.posteriors[:, order])
    with atomic_file(path) as part, open(part, "w", encoding="utf-8", newline="") as file:
        last = ("speech",) if speakers is None else ("speech", "speaker")
        file.write(",".join([*COLUMNS, *(f"p_{name}" for name in classes), *last]) + "\n")
        row = "%d,%.2f,%s,%.4f,%.6f" + ",%.6f" * len(classes) + ",%.4f" + ("" if speakers is None else ",%s") + "\n"
        cells = {} if speakers is None else {name: (_cell(name),) for name in set(speakers)}
        for start in range(0, len(parts), 4096):
            lines = []
            block = zip(
                place[timeline.labels[start : start + 4096]].tolist(),
                timeline.intensity[start : start + 4096].tolist(),
                (parts[start : start + 4096] / UNITS).tolist(),
                timeline.speech[start : start + 4096].tolist(),
                strict=True,
            )
            for frame, (label, intensity, values, speech) in enumerate(block, start=start):
                end = () if speakers is None else cells[speakers[frame]]
                lines.append(
                    row % (frame, frame * HOP, classes[label], intensity, values[label], *values, speech, *end)
                )
            file.write("".join(lines))


class BadRow(InputError):
    """A row that cannot be used; `row` is its number, from 0."""

    def __init__(self, path: str | os.PathLike, row: int, reason: str):
        super().__init__(f"{path}:{row + 2}: {reason}")
        self.row = row


def read_emotion_csv(path: str | os.PathLike, strict: bool = False) -> EmotionTimeline:
    """Read a timeline, also one that was edited by hand or made elsewhere.

    Args:
        path: file with at least the columns `time` and `emotion`, separated by commas or as spreadsheets leave them:
            by semicolons or tabs, with decimal commas, in UTF-16 or Latin-1. Without `p_` columns rows are one-hot;
            without `intensity` emotions are shown in full (neutral: 0), without `speech` somebody always speaks.
        strict: whether a row that cannot be used is an error; otherwise up to one in twenty takes the values of its
            neighbour, with a warning.

    Returns:
        A timeline as long as its rows (rows x 20 ms), with the classes of its columns. A row of which only
        `emotion` was edited (its `confidence` still is another class's probability) becomes one-hot,
        cross-faded as an override is.

    Raises:
        InputError: names the line and what is wrong with it.
    """
    header, body = _read_table(path)
    skipped, bad, most = Skipped(path, strict), set[int](), min(NAMED, len(body) // ROWS_A_BAD_ONE)
    for trial in range(2 * most + 1):  # a neighbour may turn out to be bad, too
        try:
            timeline = _timeline(path, header, body)
            break
        except BadRow as fault:
            row = fault.row
            if len(bad | {row}) > most or trial == 2 * most:
                raise InputError(skipped.faults[0] if skipped.faults else str(fault)) from fault
            if row not in bad:  # else its neighbour is bad, too
                with skipped.item():
                    raise
            bad.add(row)
            nearest = next(k for k in chain(range(row - 1, -1, -1), range(row + 1, len(body))) if k not in bad)
            body[row] = list(body[nearest])
            for name, cell in (("frame", str(row)), ("time", f"{row * HOP:.2f}")):
                if name in header:
                    body[row][header.index(name)] = cell
    skipped.check(True, "")
    return timeline


def _timeline(path: str | os.PathLike, header: list[str], body: list[list[str]]) -> EmotionTimeline:
    """The timeline of a table's rows."""
    for name in ("time", "emotion"):
        if name not in header:
            raise InputError(f"{path}:1: has no column {name!r}; expected {','.join(COLUMNS)},p_<class>...")
    if len(set(header)) < len(header):
        raise InputError(f"{path}:1: names a column twice")
    if not body:
        raise InputError(f"{path}: holds no rows; expected one every 20 ms")
    for number, row in enumerate(body):
        if len(row) != len(header):
            raise BadRow(path, number, f"has {len(row)} values, the header has {len(header)}")
    columns = dict(zip(header, zip(*body, strict=True), strict=True))
    _check_times(path, columns)
    emotions = [text.strip().lower() for text in columns["emotion"]]
    given = [name for name in header if name.startswith("p_")]
    classes = tuple(name[2:] for name in given) if given else tuple(sorted(set(emotions)))
    if len(classes) > MOST_CLASSES:
        raise InputError(
            f"{path}: has {len(classes)} emotions, at most {MOST_CLASSES} are allowed; "
            "remove the p_<class> columns that are no emotions"
        )
    unknown = next((k for k, emotion in enumerate(emotions) if emotion not in classes), None)
    if unknown is not None:
        raise BadRow(path, unknown, f"emotion {emotions[unknown]!r} has no column; the columns are {', '.join(given)}")
    labels = np.array([classes.index(emotion) for emotion in emotions], np.int64)
    if "intensity" in columns:
        intensity = _floats(path, "intensity", columns["intensity"])
    else:
        intensity = np.array([default_intensity(emotion) for emotion in emotions])
    duration = len(labels) * HOP
    if not given:
        edited = np.ones(len(labels), bool)
        posteriors = np.eye(len(classes))[labels]
    else:
        posteriors = np.stack([_floats(path, name, columns[name]) for name in given], axis=1)
        totals = posteriors.sum(axis=1)
        wrong = np.flatnonzero(np.abs(totals - 1) > SUM_TOLERANCE)
        if len(wrong):
            said = f"probabilities sum to {totals[wrong[0]]:.3f}, expected 1 (edit `emotion`, or keep the sum)"
            raise BadRow(path, int(wrong[0]), said)
        posteriors /= totals[:, None]
        edited = np.zeros(len(labels), bool)
        if "confidence" in columns:
            confidence = _floats(path, "confidence", columns["confidence"])
            own = np.abs(confidence - posteriors[np.arange(len(labels)), labels]) < EQUAL
            edited = ~own & (np.abs(confidence[:, None] - posteriors) < EQUAL).any(axis=1)
    speech = _floats(path, "speech", columns["speech"]) if "speech" in columns else None
    timeline = EmotionTimeline(classes, posteriors, intensity, labels, duration, speech)
    return _with_edits(timeline, edited)


def _read_table(path: str | os.PathLike) -> tuple[list[str], list[list[str]]]:
    """Header and rows; what a spreadsheet separates by `;` or tabs has decimal commas, perhaps, which become points."""
    lines = read_labels_text(Path(path)).splitlines()
    head = lines[0] if lines else ""
    separator = max(",;\t", key=head.count)  # the first of them if there is none
    rows = csv.reader(lines, delimiter=separator)
    try:
        table = list(rows)
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: not a CSV line ({error})") from error
    while table and not any(cell.strip() for cell in table[-1]):
        table.pop()
    header = [name.strip() for name in table[0]] if table else []
    body = table[1:]
    if separator != ",":
        body = [[_point(cell) for cell in row] for row in body]
    return header, body


def _point(cell: str) -> str:
    found = DECIMAL_COMMA.fullmatch(cell)
    return f"{found[1]}.{found[2]}" if found else cell


def _with_edits(timeline: EmotionTimeline, edited: np.ndarray) -> EmotionTimeline:
    """Impose the label of edited rows, with the usual cross-fade; the intensity stays as written."""
    spans = [
        Span(start * HOP, stop * HOP, timeline.classes[mark - 1], 0.0)
        for start, stop, mark in runs_of(np.where(edited, timeline.labels + 1, 0))
        if mark
    ]
    if not spans:
        return timeline
    return replace(timeline, posteriors=timeline.override(spans).posteriors)


def _check_times(path: str | os.PathLike, columns: dict[str, tuple[str, ...]]) -> None:
    for name, step in (("frame", 1.0), ("time", HOP)):
        if name in columns:
            values = _floats(path, name, columns[name], limit=np.inf)
            wrong = np.flatnonzero(np.abs(values - np.arange(len(values)) * step) > 0.3 * step)
            if len(wrong):
                k = wrong[0]
                said = f"{name} is {values[k]:g}, expected {k * step:g} (rows are 20 ms apart, from 0, none left out)"
                raise BadRow(path, int(k), said)


def _floats(path: str | os.PathLike, name: str, texts: Sequence[str], limit: float = 1.0) -> np.ndarray:
    """Column as float64, every value within [0, limit]."""
    try:
        values = np.array(texts, dtype=np.float64)
    except ValueError:
        values = np.array([_float_or_nan(text) for text in texts])
    wrong = np.flatnonzero(~((values >= 0) & (values <= limit + 1e-6) & np.isfinite(values)))
    if len(wrong):
        bound = ">= 0" if limit == np.inf else f"from 0 to {limit:g}"
        raise BadRow(path, int(wrong[0]), f"{name} {texts[wrong[0]]!r} is not a number {bound}")
    return values


def _float_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _cell(text: str) -> str:
    """A CSV cell, quoted where that is needed."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\r\n') else text


def _to_units(posteriors: np.ndarray) -> np.ndarray:
    """Round rows to whole millionths that sum to one million, by largest remainders."""
    values = np.maximum(posteriors.astype(np.float64), 0)
    values *= UNITS / values.sum(axis=1, keepdims=True)
    units = np.floor(values).astype(np.int64)
    missing = UNITS - units.sum(axis=1)
    ranks = np.argsort(np.argsort(units - values, axis=1, kind="stable"), axis=1)
    return units + (ranks < missing[:, None])
