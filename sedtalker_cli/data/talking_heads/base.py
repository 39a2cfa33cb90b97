"""A talking-head data set as all readers return it: sequences, whose vertices stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.motion import read_array

NEUTRAL = "neutral"


@dataclass(frozen=True)
class TalkingSequence:
    """One spoken sentence with the motion of a face.

    Attributes:
        name: the file's stem.
        subject: whose face it is.
        sentence: its number.
        emotion: `neutral`, an emotion in the project's words, or the data set's own word in small letters.
        intensity: 0 (neutral) to 1 (strongest).
        split: `train`, `val` or `test`.
        path: NPY file with the vertices.
        audio: sound file; sequences of one sentence may share it.
        fps: of `vertices`.
        stride: every so many frames of the file are used.
        template: the face at rest (V, 3) float32, in the units of the vertices.
        expression: the data set's own word for the emotion, empty where it has none.
    """

    name: str
    subject: str
    sentence: int
    emotion: str
    intensity: float
    split: str
    path: Path
    audio: Path
    fps: float
    stride: int
    template: np.ndarray = field(repr=False)
    expression: str = ""

    @property
    def vertices(self) -> np.ndarray:
        """(T, V, 3) float32; a view of the file where that holds float32, read when it is used.

        Raises:
            InputError: the file is gone or damaged.
        """
        return open_vertices(self.path, len(self.template))[:: self.stride].astype(np.float32, copy=False)

    @cached_property
    def frames(self) -> int:
        """T of `vertices`, from the file's header; kept, as every epoch needs it."""
        return -(-len(read_array(self.path)) // self.stride)


@dataclass(frozen=True)
class TalkingDataset:
    """The sequences of one data set on one topology.

    Attributes:
        name: of its layout: `vocaset`, `emovoca` or `biwi`.
        root: its folder.
        topology: `flame`, `biwi`, `biwi-3895`, or the name of a head.
        vertex_count: V.
        fps: of all sequences.
        sequences: in the order of their names.
        templates: subject -> face at rest (V, 3) float32, of all subjects of the data set.
        regions: name -> vertex indices int32, see `read_regions`; empty where no region files lie beside.
        notes: what was left out or looks odd, a line each.
    """

    name: str
    root: Path
    topology: str
    vertex_count: int
    fps: float
    sequences: tuple[TalkingSequence, ...]
    templates: dict[str, np.ndarray] = field(repr=False, default_factory=dict)
    regions: dict[str, np.ndarray] = field(repr=False, default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def emotions(self) -> tuple[str, ...]:
        """Emotions that occur, in alphabetical order."""
        return tuple(sorted({sequence.emotion for sequence in self.sequences}))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects that occur, in alphabetical order."""
        return tuple(sorted({sequence.subject for sequence in self.sequences}))

    def of(self, split: str) -> list[TalkingSequence]:
        """Sequences of a split; may be none."""
        return [sequence for sequence in self.sequences if sequence.split == split]

    def only(self, emotions: Iterable[str]) -> TalkingDataset:
        """The same with these emotions only.

        Raises:
            InputError: nothing is left.
        """
        wanted = set(emotions)
        kept = tuple(sequence for sequence in self.sequences if sequence.emotion in wanted)
        if not kept:
            has = ", ".join(self.emotions)
            raise InputError(f"{self.root}: holds none of the emotions {', '.join(sorted(wanted))}; it has {has}")
        return replace(self, sequences=kept)

    def summary(self) -> str:
        """One line for a log."""
        counts = ", ".join(f"{split} {len(self.of(split))}" for split in ("train", "val", "test"))
        return (
            f"{self.name}: {len(self.sequences)} sequences ({counts}), {len(self.subjects)} subjects, "
            f"{self.vertex_count} vertices, {self.fps:g} frames a second"
        )


class Misnamed(Exception):
    """Raised by a layout: the name does not follow it."""


@dataclass(frozen=True)
class Label:
    """What a file's name holds."""

    subject: str
    sentence: int
    emotion: str
    intensity: float
    expression: str = ""


@dataclass(frozen=True)
class Layout:
    """How one published data set lies on disk.

    Attributes:
        name: registry name.
        motions: folder of the NPY files.
        example: a file's name, shown in errors.
        stored_fps: frames a second in the files.
        used_fps: frames a second that the field trains and scores with.
        topologies: vertex count -> name.
        decode: stem -> label; raises `Misnamed`.
        split: (subject, sentence) -> split, or None for sequences that nobody uses; raises `Misnamed` for a subject
            that the data set does not have.
    """

    name: str
    motions: str
    example: str
    stored_fps: float
    used_fps: float
    topologies: Mapping[int, str]
    decode: Callable[[str], Label]
    split: Callable[[str, int], str | None]


def open_vertices(path: Path, vertex_count: int | None = None) -> np.ndarray:
    """Map a file of vertices, stored (T, V, 3) or (T, 3 V).

    Args:
        path: NPY file.
        vertex_count: V that it must have, None for any.

    Returns:
        (T, V, 3), float32 or float64 as stored, mapped read-only.

    Raises:
        InputError: damaged, not vertices, empty, or of another vertex count.
    """
    array = read_array(path, "vertices (T, V, 3)")
    flat = array.ndim == 2 and array.shape[1] % 3 == 0
    if array.dtype.kind != "f" or not array.size or not (flat or (array.ndim == 3 and array.shape[2] == 3)):
        raise InputError(f"{path}: holds {array.dtype} of shape {array.shape}, not vertices (T, V, 3) or (T, 3 V)")
    if not array.flags.c_contiguous:
        raise InputError(f"{path}: is stored column by column; save it in C order (numpy.ascontiguousarray)")
    array = array.reshape(len(array), -1, 3)
    if vertex_count is not None and array.shape[1] != vertex_count:
        raise InputError(f"{path}: has {array.shape[1]} vertices, expected {vertex_count}")
    return array
