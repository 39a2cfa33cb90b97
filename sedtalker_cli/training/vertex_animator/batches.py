"""Batches of talking-head data sets: encoded sound, labels and vertices of stretches of recordings."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.clock import FRAME_RATE
from sedtalker_cli.data.talking_heads import TalkingDataset, TalkingSequence
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.motion import read_array, write_array
from sedtalker_cli.model.checkpoint import fingerprint
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.frames import sample_frames
from sedtalker_cli.progress import Progress, silent

LIVELIEST = 0.05  # share of vertices that stand for the lips where no region is known
MEASURED = 48  # recordings from which usual sizes are taken
LIP_NAMES = ("lve", "lips")  # as `evaluation.animation.scores.masks_of` prefers them
Made = TypeVar("Made")


class FeatureStore:
    """Encoder features of sound files, kept on disk by the sound's content and the encoder.

    Args:
        folder: made if absent.
        encoder: to use.
    """

    def __init__(self, folder: Path, encoder: SpeechEncoder):
        self.folder, self.encoder = folder, encoder
        folder.mkdir(parents=True, exist_ok=True)
        self._paths: dict[Path, Path] = {}

    def path(self, audio: Path) -> Path:
        """Where the features of a sound file lie."""
        if audio not in self._paths:
            what = f"{file_checksum(audio)} {fingerprint(self.encoder)}"
            self._paths[audio] = self.folder / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.npy"
        return self._paths[audio]

    def fill(self, audios: Sequence[Path], progress: Progress = silent) -> None:
        """Encode what is not there yet."""
        for done, audio in enumerate(audios, start=1):
            if not self.path(audio).is_file():
                write_array(self.path(audio), self.encoder.encode(stream_audio(audio)).numpy())
            progress("encoding", done, len(audios))

    def __call__(self, audio: Path) -> torch.Tensor:
        """(T50, L, D) float16.

        Raises:
            InputError: the kept file is damaged.
        """
        return torch.from_numpy(np.array(read_array(self.path(audio), "encoder features")))


class Stretch(NamedTuple):
    """A part of a recording: its number, frames [start, start + frames), and whether its subject is known."""

    sequence: int
    start: int
    frames: int
    subject_known: bool


class Talking:
    """One data set ready for batches.

    Args:
        dataset: as read.
        store: of encoder features.
        classes: emotion names.
        subjects: names, the first is anyone.
    """

    def __init__(self, dataset: TalkingDataset, store: FeatureStore, classes: Sequence[str], subjects: Sequence[str]):
        self.dataset, self.store, self.classes, self.subjects = dataset, store, list(classes), list(subjects)
        self.train, self.val = (
            [number for number, sequence in enumerate(dataset.sequences) if sequence.split == split]
            for split in ("train", "val")
        )
        for split, found in (("train", self.train), ("val", self.val)):
            if not found:
                raise InputError(f"{dataset.root}: no recordings of {dataset.name} in the {split} split")
        self.scale, self.lips, self.lips_known = self._measure()

    def _measure(self) -> tuple[float, np.ndarray, bool]:
        """Usual size of an offset; lip vertices, and whether the data set names them (else: those that move most)."""
        total, steps = 0.0, np.zeros(self.dataset.vertex_count)
        chosen = evenly(self.train, MEASURED)
        for number in chosen:
            sequence = self.dataset.sequences[number]
            vertices = read_finite(sequence, slice(None))
            total += float(((vertices - sequence.template) ** 2).mean())
            steps += np.linalg.norm(np.diff(vertices, axis=0), axis=-1).sum(0)
        scale = (total / len(chosen)) ** 0.5
        known = next((name for name in LIP_NAMES if name in self.dataset.regions), None)
        lips = self.dataset.regions[known] if known else np.argsort(-steps)[: max(1, int(LIVELIEST * len(steps)))]
        return scale or 1.0, np.sort(lips).astype(np.int64), known is not None

    def stretches(self, rng: np.random.Generator, max_frames: int, anyone: float) -> list[Stretch]:
        """One stretch of every training recording, in the order of the recordings."""
        found = []
        for number in self.train:
            frames = self.dataset.sequences[number].frames
            kept = min(frames, max_frames or frames)
            start, known = int(rng.integers(frames - kept + 1)), bool(rng.random() >= anyone)
            found.append(Stretch(number, start, kept, known))
        return found

    def whole(self, number: int) -> Stretch:
        """A recording from its beginning to its end."""
        return Stretch(number, 0, self.dataset.sequences[number].frames, True)

    def batch(self, stretches: Sequence[Stretch]) -> dict[str, torch.Tensor]:
        """Tensors of stretches, padded to the longest.

        Returns:
            features (B, T, L, D), posteriors (B, T, C), intensity (B, T), subject (B,), template (B, V, 3),
            vertices (B, T, V, 3), mask (B, T).
        """
        longest = max(stretch.frames for stretch in stretches)
        rows = []
        for stretch in stretches:
            sequence = self.dataset.sequences[stretch.sequence]
            part = slice(stretch.start, stretch.start + stretch.frames)
            vertices = np.zeros((longest, *sequence.template.shape), np.float32)
            vertices[: stretch.frames] = read_finite(sequence, part)
            mask = torch.zeros(longest)
            mask[: stretch.frames] = 1
            rows.append(
                {
                    "features": self._heard(sequence, stretch, longest),
                    "posteriors": torch.from_numpy(label_rows(sequence, self.classes, longest)),
                    "intensity": torch.full((longest,), float(sequence.intensity)),
                    "subject": torch.tensor(self._number(sequence.subject) if stretch.subject_known else 0),
                    "template": torch.from_numpy(sequence.template.astype(np.float32)),
                    "vertices": torch.from_numpy(vertices),
                    "mask": mask,
                }
            )
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def _number(self, subject: str) -> int:
        return self.subjects.index(subject) if subject in self.subjects else 0

    def _heard(self, sequence: TalkingSequence, stretch: Stretch, longest: int) -> torch.Tensor:
        features = self.store(sequence.audio).float()
        frames = torch.arange(stretch.start, stretch.start + longest, dtype=torch.float64)
        heard = sample_frames(features.flatten(1), frames / self.dataset.fps * FRAME_RATE - 0.5)
        return heard.unflatten(1, features.shape[1:])


def read_finite(sequence: TalkingSequence, part: slice) -> np.ndarray:
    """Vertices of some frames (T, V, 3).

    Raises:
        InputError: one NaN would spoil the whole network.
    """
    vertices = sequence.vertices[part]
    if not np.isfinite(vertices).all():
        raise InputError(f"{sequence.path}: holds values that are not finite; write it again, or remove it")
    return vertices


def label_rows(sequence: TalkingSequence, classes: Sequence[str], frames: int) -> np.ndarray:
    """(T, C) float32 with 1 for the recording's emotion."""
    rows = np.zeros((frames, len(classes)), np.float32)
    rows[:, list(classes).index(sequence.emotion)] = 1
    return rows


def evenly(items: Sequence[Made], count: int) -> list[Made]:
    """`count` of the items at even distances; all if there are not more, or `count` is 0."""
    if not count or count >= len(items):
        return list(items)
    return [items[int((k + 0.5) * len(items) / count)] for k in range(count)]


def epoch_batches(
    sets: Sequence[Talking], batch: int, rng: np.random.Generator, max_frames: int, anyone: float, limit: int = 0
) -> list[tuple[int, list[Stretch]]]:
    """An epoch's batches, each of one data set: (number of the data set, stretches), in random order.

    Args:
        sets: data sets.
        batch: stretches in a batch.
        rng: of everything that is drawn.
        max_frames, anyone: see `VertexTraining`.
        limit: most stretches in all, each data set in proportion; 0 for no limit.
    """
    total, batches = sum(len(talking.train) for talking in sets), []
    for number, talking in enumerate(sets):
        drawn = talking.stretches(rng, max_frames, anyone)
        order = rng.permutation(len(drawn))
        if limit and limit < total:
            order = order[: max(1, round(limit * len(drawn) / total))]
        chosen = [drawn[k] for k in order]
        batches += [(number, chosen[k : k + batch]) for k in range(0, len(chosen), batch)]
    return [batches[k] for k in rng.permutation(len(batches))]


def prefetch(make: Callable[[Made], dict], plans: Iterable[Made], ahead: int = 2) -> Iterator[tuple[Made, dict]]:
    """Yields (plan, what is made of it), made by a thread while the last one is used."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque = deque()
        for plan in plans:
            waiting.append((plan, pool.submit(make, plan)))
            if len(waiting) > ahead:
                plan_done, made = waiting.popleft()
                yield plan_done, made.result()
        for plan_done, made in waiting:
            yield plan_done, made.result()
