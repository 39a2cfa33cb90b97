"""One reader for all layouts: it finds the files, joins them with templates and sound, and checks that they fit."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from sedtalker_cli.audio.files import header_duration
from sedtalker_cli.data.corpora.splits import SPLITS
from sedtalker_cli.data.talking_heads.base import Layout, Misnamed, TalkingDataset, TalkingSequence, open_vertices
from sedtalker_cli.data.talking_heads.regions import read_regions
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.array_pickle import read_arrays
from sedtalker_cli.formats.text import read_text

SOUND, TEMPLATES = "wav", "templates.pkl"
SPLIT_TABLE, DESCRIPTION = "splits.csv", "dataset.json"  # beside data sets that are nobody's published one
RATES = (24, 25, 30, 50, 60, 100, 120)  # frames a second that motion is usually stored at
OTHER_RATE = 0.08  # share by which frames over seconds may differ from the rate
OTHER_SIZE = 3.0  # factor between a face's sizes that only another unit explains
MOST_SENTENCES = 999_999
ODD_LENGTH = 0.5  # s between the ends of a motion and its sound that are worth a note


def read_layout(layout: Layout, root: Path, stored_fps: float | None = None) -> TalkingDataset:
    """Read a data set; see `registry.read_talking`."""
    folder = root / layout.motions
    if not root.is_dir():
        raise InputError(f"{root}: is no folder; check the path of {layout.name}")
    if not folder.is_dir():
        raise InputError(
            f"{root}: holds no folder {layout.motions}/; {layout.name} has {layout.motions}/{layout.example}"
        )
    layout = _described(layout, root)
    stored = stored_fps or layout.stored_fps
    stride = max(1, round(stored / layout.used_fps))
    files = sorted(path for path in folder.glob("*.npy") if not path.name.startswith("."))
    if not files:
        raise InputError(f"{folder}: holds no NPY files; expected like {layout.example}")
    templates = _read_templates(root / TEMPLATES)
    sounds = _Sounds(root / SOUND)
    sequences, lengths, silent, unused = [], [], [], 0
    count, measured = None, set()
    for path in files:
        try:
            label = layout.decode(path.stem)
            split = layout.split(label.subject, label.sentence)
        except Misnamed as reason:
            raise InputError(f"{path}: {reason}; expected like {layout.example}") from None
        if split is None:
            unused += 1
            continue
        vertices = open_vertices(path)
        count = _vertex_count(path, vertices.shape[1], layout, count)
        if label.subject not in templates:
            raise InputError(f"{root / TEMPLATES}: has no template of {label.subject}, whose motion is {path}")
        template = templates[label.subject]
        if template.shape != (count, 3):
            raise InputError(
                f"{root / TEMPLATES}: the template of {label.subject} has {len(template)} vertices, "
                f"{path.name} has {count}"
            )
        if label.subject not in measured:
            measured.add(label.subject)
            _check_units(path, vertices[0], template)
        audio = sounds.of(path.stem, f"{label.subject}_{path.stem.removeprefix(label.subject + '_').split('_')[0]}")
        if audio is None:
            silent.append(path.stem)
            continue
        lengths.append((path, len(vertices), audio))
        sequences.append(
            TalkingSequence(
                *(path.stem, label.subject, label.sentence, label.emotion, label.intensity, split, path, audio),
                *(stored / stride, stride, template, label.expression),
            )
        )
    if not sequences:
        why = (
            f"no sound in {root / SOUND} for them, e.g. {silent[0]}.wav"
            if silent
            else "no split of the field uses them"
        )
        raise InputError(f"{folder}: {len(files)} motions, but {why}")
    notes = _check_rate(lengths, stored, layout, sounds)
    if silent:
        notes.append(f"{len(silent)} motions without sound left out, first {silent[0]}")
    if unused:
        notes.append(f"{unused} motions left out that the field's split does not use")
    return TalkingDataset(
        *(layout.name, root, layout.topologies.get(count, "unknown"), count, stored / stride, tuple(sequences)),
        *({name: t for name, t in templates.items() if t.shape == (count, 3)}, read_regions(root, count)),
        tuple(notes),
    )


class _Sounds:
    """Sound files of a folder, by name."""

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise InputError(f"{folder}: does not exist; the data set's sound belongs there (NAME.wav)")
        self.by_stem = {path.stem: path for path in sorted(folder.iterdir()) if _is_sound(path)}
        self.by_sentence: dict[str, Path] = {}
        for stem, path in self.by_stem.items():
            self.by_sentence.setdefault(stem.rsplit("_", 2)[0], path)
        self.durations: dict[Path, float | None] = {}

    def of(self, stem: str, sentence: str) -> Path | None:
        """The sentence's sound, one for all its expressions, so that it is listened to once; else the motion's own."""
        return self.by_stem.get(sentence) or self.by_sentence.get(sentence) or self.by_stem.get(stem)

    def duration(self, path: Path) -> float:
        """Length in s by the header.

        Raises:
            InputError: it has none.
        """
        if path not in self.durations:
            self.durations[path] = header_duration(path)
        if not self.durations[path]:
            raise InputError(f"{path}: is no sound file, or an empty one; copy it again")
        return self.durations[path]


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() == ".wav" and not path.name.startswith(".")


def _read_templates(path: Path) -> dict[str, np.ndarray]:
    templates = {}
    for subject, array in read_arrays(path).items():
        if array.size == 0 or array.size % 3 or array.dtype.kind != "f":
            raise InputError(f"{path}: the template of {subject} is {array.dtype} of shape {array.shape}, not (V, 3)")
        if not np.isfinite(array).all():
            raise InputError(f"{path}: the template of {subject} holds values that are not finite")
        templates[subject] = np.ascontiguousarray(array.reshape(-1, 3), np.float32)
    return templates


def _check_units(path: Path, frame: np.ndarray, template: np.ndarray) -> None:
    """Find motions in other units than their templates.

    Raises:
        InputError: the faces are not about as large.
    """
    own, rest = (float(np.ptp(points, axis=0).max()) for points in (frame, template))
    if not (own < OTHER_SIZE * rest and rest < OTHER_SIZE * own):
        raise InputError(
            f"{path}: its face is {own:.3g} large, the subject's template {rest:.3g}; bring both to the same unit"
        )


def _vertex_count(path: Path, count: int, layout: Layout, before: int | None) -> int:
    """V of a file that must be one of the layout's, and that of the files before.

    Raises:
        InputError: it is another.
    """
    if count not in layout.topologies:
        known = " or ".join(f"{v} ({3 * v} numbers a frame)" for v in layout.topologies)
        raise InputError(f"{path}: has {count} vertices; {layout.name} has {known}")
    if before is not None and count != before:
        raise InputError(f"{path}: has {count} vertices, the files before it {before}; keep one topology in a folder")
    return count


def _check_rate(lengths: Sequence[tuple[Path, int, Path]], stored: float, layout: Layout, sounds: _Sounds) -> list[str]:
    """Notes on motions that do not fit their sound.

    Raises:
        InputError: they usually fit another frame rate.
    """
    rates = [frames / sounds.duration(audio) for _, frames, audio in lengths]
    usual = median(rates)
    if abs(usual / stored - 1) > OTHER_RATE:
        path, frames, audio = lengths[int(np.abs(np.array(rates) - usual).argmin())]
        near = min(RATES, key=lambda rate: abs(rate - usual))
        text = f"{path}: {frames} frames at {stored:g} a second last {frames / stored:.2f} s, "
        text += f"its sound {sounds.duration(audio):.2f} s; "
        if abs(usual / near - 1) > OTHER_RATE:
            raise InputError(f"{text}they fit together at no usual frame rate")
        raise InputError(f"{text}both fit {near} frames a second: give {layout.name}@{near}=PATH")
    odd = [path.stem for path, frames, audio in lengths if abs(frames / stored - sounds.duration(audio)) > ODD_LENGTH]
    return [f"{len(odd)} motions end over {ODD_LENGTH:g} s before or after their sound, first {odd[0]}"] if odd else []


def _described(layout: Layout, root: Path) -> Layout:
    """The layout with what `splits.csv` and `dataset.json` beside a generated data set say.

    Raises:
        InputError: one of them is damaged.
    """
    table, description = root / SPLIT_TABLE, root / DESCRIPTION
    if table.is_file():
        splits = read_subject_splits(table)

        def split(subject: str, sentence: int) -> str | None:
            if subject not in splits:
                raise Misnamed(f"subject {subject!r} is not in {table}")
            return next((split for sentences, split in splits[subject] if sentence in sentences), None)

        layout = replace(layout, split=split)
    if description.is_file():
        try:
            content = json.loads(read_text(description))
            layout = replace(
                layout,
                stored_fps=float(content["fps"]),
                topologies={int(content["vertices"]): str(content["topology"])},
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{description}: is no description of a data set (fps, vertices, topology): {error!r}"
            ) from None
    return layout


def read_subject_splits(path: Path) -> dict[str, list[tuple[range, str]]]:
    """Subject -> its sentences and their split.

    Args:
        path: CSV with the columns `subject`, `split` and, if wanted, `sentences` (`7` or `1-32`; empty is all).

    Raises:
        InputError: columns are missing, or a cell makes no sense.
    """
    rows = csv.DictReader(read_text(path).splitlines())
    if not {"subject", "split"} <= set(rows.fieldnames or ()):
        raise InputError(f"{path}: a table of splits needs the columns subject and split")
    splits: dict[str, list[tuple[range, str]]] = {}
    for row in rows:
        if row["split"] not in SPLITS:
            raise InputError(f"{path}:{rows.line_num}: split {row['split']!r} is none of {', '.join(SPLITS)}")
        text = (row.get("sentences") or "").strip()
        first, _, last = (text or f"0-{MOST_SENTENCES}").partition("-")
        if not (first.isdigit() and (last or first).isdigit()):
            raise InputError(f"{path}:{rows.line_num}: sentences {text!r} should be a number or a range as 1-32")
        splits.setdefault(row["subject"], []).append((range(int(first), int(last or first) + 1), row["split"]))
    return splits
