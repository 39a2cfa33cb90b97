"""`.emotion.csv`: one row every 20 ms, `frame,time,emotion,intensity,confidence,p_<class>...,speech`."""

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import runs_of
from sedtalker_cli.emotion.spans import Span, default_intensity
from sedtalker_cli.emotion.timeline import EmotionTimeline
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file
from sedtalker_cli.formats.cells import separator_of, without_empty_end
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


def read_emotion_csv(
    path: str | os.PathLike, strict: bool = False, emotions: Sequence[str] | None = None
) -> EmotionTimeline:
    """Read a timeline, also one that was edited by hand or made elsewhere.

    Args:
        path: file with at least the columns `time` and `emotion`, separated by commas or as spreadsheets leave them:
            by semicolons or tabs, with decimal commas, in UTF-16 or Latin-1, with empty rows or cells at the end of
            rows. Without `p_` columns rows are one-hot; without `intensity` emotions are shown in full (neutral: 0),
            without `speech` somebody always speaks.
        strict: whether a row that cannot be used is an error; otherwise up to one in twenty takes the values of its
            neighbour, with a warning.
        emotions: that are known; None knows all.

    Returns:
        A timeline as long as its rows (rows x 20 ms), with the classes of its columns. A row of which only
        `emotion` was edited (its `confidence` still is another class's probability) becomes one-hot,
        cross-faded as an override is.

    Raises:
        InputError: names the line and what is wrong with it.
    """
    header, table = _read_table(path)
    for name in ("time", "emotion"):
        if name not in header:
            raise InputError(f"{path}:1: has no column {name!r}; expected {','.join(COLUMNS)},p_<class>...")
    if len(set(header)) < len(header):
        raise InputError(f"{path}:1: names a column twice")
    if not table:
        raise InputError(f"{path}: holds no rows; expected one every 20 ms")
    lines, body = zip(*_without_gaps(table, header.index("time")), strict=True)
    given = [name for name in header if name.startswith("p_")]
    unknown = next((name for name in given if emotions is not None and name[2:] not in emotions), None)
    if unknown is not None:
        raise InputError(f"{path}:1: column {unknown} is of an unknown emotion; {_valid(emotions)}")
    faults = _Faults()
    for k, row in enumerate(body):
        if len(row) != len(header):
            faults.add(k, f"has {len(row)} values, the header has {len(header)}")
            row[:] = [""] * len(header)
    columns = dict(zip(header, zip(*body, strict=True), strict=True))
    for name, step in (("frame", 1.0), ("time", HOP)):
        if name in columns:
            _check_steps(name, columns[name], step, faults)
    labels, classes = _labels(columns["emotion"], given, emotions, faults)
    if len(classes) > MOST_CLASSES:
        raise InputError(
            f"{path}: has {len(classes)} emotions, at most {MOST_CLASSES} are allowed; "
            "remove the p_<class> columns that are no emotions"
        )
    shown = [default_intensity(name) for name in classes]
    intensity = (
        _floats("intensity", columns["intensity"], faults) if "intensity" in columns else np.array(shown)[labels]
    )
    posteriors, edited = np.eye(len(classes))[labels], np.ones(len(labels), bool)
    if given:
        posteriors, edited = _posteriors(columns, given, labels, faults)
    speech = _floats("speech", columns["speech"], faults) if "speech" in columns else np.ones(len(labels))
    source = faults.neighbours(path, lines, strict)
    duration = len(labels) * HOP
    timeline = EmotionTimeline(classes, posteriors[source], intensity[source], labels[source], duration, speech[source])
    return _with_edits(timeline, edited[source])


class _Faults(dict[int, str]):
    """Rows of a table that cannot be used, by number from 0: the first reason of each."""

    def add(self, row: int, reason: str) -> None:
        self.setdefault(row, reason)

    def neighbours(self, path: str | os.PathLike, lines: Sequence[int], strict: bool) -> np.ndarray:
        """For every row, the row whose values count: of a bad one the nearest good one before it, or else after it.

        Args:
            path: of the table.
            lines: of the rows, for messages.
            strict: whether a bad row is an error.

        Raises:
            InputError: more rows are bad than a table made elsewhere has, or one and `strict`.
        """
        skipped, source = Skipped(path, strict), np.arange(len(lines))
        for row in sorted(self):
            with skipped.item():
                raise InputError(f"{path}:{lines[row]}: {self[row]}")
        if len(self) > min(NAMED, len(lines) // ROWS_A_BAD_ONE):
            raise InputError(skipped.faults[0])
        first = next(row for row in range(len(lines)) if row not in self)
        for row in sorted(self):
            source[row] = source[row - 1] if row else first
        skipped.check(True, "")
        return source


def _labels(
    texts: Sequence[str], given: Sequence[str], emotions: Sequence[str] | None, faults: _Faults
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class of every row (0 where it is unknown), and the classes: those of the columns, or all that rows name."""
    names = [text.strip().lower() for text in texts]
    known = [name[2:] for name in given] if given else emotions
    for row, name in enumerate(names):
        if not name:
            faults.add(row, "has no emotion")
        elif known is not None and name not in known:
            no_column = f"emotion {name!r} has no column; the columns are {', '.join(given)}"
            faults.add(row, no_column if given else f"unknown emotion {name!r}; {_valid(emotions)}")
    named = {name for row, name in enumerate(names) if row not in faults}
    classes = tuple(known) if given else tuple(sorted(named)) or ("neutral",)
    place = {name: k for k, name in enumerate(classes)}
    return np.array([place.get(name, 0) for name in names], np.int64), classes


def _posteriors(
    columns: dict[str, tuple[str, ...]], given: Sequence[str], labels: np.ndarray, faults: _Faults
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (T, C), and which rows were edited (T,): only their emotion was changed."""
    posteriors = np.stack([_floats(name, columns[name], faults) for name in given], axis=1)
    totals = posteriors.sum(axis=1)
    for row in np.flatnonzero(~(np.abs(totals - 1) <= SUM_TOLERANCE)).tolist():
        faults.add(row, f"probabilities sum to {totals[row]:.3f}, expected 1 (edit `emotion`, or keep the sum)")
    posteriors /= np.where(totals > 0, totals, 1.0)[:, None]
    edited = np.zeros(len(labels), bool)
    if "confidence" in columns:
        confidence = _floats("confidence", columns["confidence"], faults)
        own = np.abs(confidence - posteriors[np.arange(len(labels)), labels]) < EQUAL
        edited = ~own & (np.abs(confidence[:, None] - posteriors) < EQUAL).any(axis=1)
    return posteriors, edited


def _valid(emotions: Sequence[str] | None) -> str:
    return f"valid emotions: {', '.join(emotions or ())}"


def _read_table(path: str | os.PathLike) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and rows with their lines; empty cells behind the last column and empty rows behind the last are not
    there. What a spreadsheet separates by `;` or tabs has decimal commas, perhaps, which become points."""
    lines = read_labels_text(Path(path)).splitlines()
    separator = separator_of(lines[0] if lines else "")
    rows = csv.reader(lines, delimiter=separator)
    try:
        table = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: not a CSV line ({error})") from error
    header = without_empty_end([name.strip() for name in table[0][1]]) if table else []
    if any("\0" in name for name in header):
        raise InputError(f"{path}:1: not a CSV line (it holds a NUL character)")
    table = [
        (line, without_empty_end(row, len(header)) if any(cell.strip() for cell in row) else []) for line, row in table
    ]
    while table and not table[-1][1]:
        table.pop()
    if separator != ",":
        table = [(line, [_point(cell) for cell in row]) for line, row in table]
    return header, table[1:]


def _without_gaps(table: list[tuple[int, list[str]]], time: int) -> list[tuple[int, list[str]]]:
    """Rows without the empty ones, if it is these that the last row's time does not count: others lost their cells.

    Args:
        table: rows with their lines; the last one is not empty.
        time: place of that column.
    """
    full = [(line, row) for line, row in table if row]
    end = _float_or_nan(full[-1][1][time]) if len(full[-1][1]) > time else math.nan
    return full if abs(end - (len(full) - 1) * HOP) < HOP / 2 else table


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


def _check_steps(name: str, texts: Sequence[str], step: float, faults: _Faults) -> None:
    """Find rows whose `frame` or `time` is not where they stand."""
    values = _floats(name, texts, faults, limit=np.inf)
    for row in np.flatnonzero(~(np.abs(values - np.arange(len(values)) * step) <= 0.3 * step)).tolist():
        said = f"expected {row * step:g} (rows are 20 ms apart, from 0, none left out)"
        faults.add(row, f"{name} is {values[row]:g}, {said}")


def _floats(name: str, texts: Sequence[str], faults: _Faults, limit: float = 1.0) -> np.ndarray:
    """Column as float64; values beyond [0, limit] are faults and become 0."""
    try:
        values = np.array(texts, dtype=np.float64)
    except ValueError:
        values = np.array([_float_or_nan(text) for text in texts])
    bound = ">= 0" if limit == np.inf else f"from 0 to {limit:g}"
    for row in np.flatnonzero(~((values >= 0) & (values <= limit + 1e-6) & np.isfinite(values))).tolist():
        faults.add(row, f"{name} {texts[row]!r} is not a number {bound}")
        values[row] = 0.0
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
