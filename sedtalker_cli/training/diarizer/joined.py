"""Joined recordings for the stack: their features on disk, and what every frame is labelled as."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.data.composites import Composite, CompositeSampler
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.diarizer.clips import IN_JOINED, LEAST, LONGEST, SHORTEST, ClipSet
from sedtalker_cli.training.diarizer.labels import FrameLabels, Labels, describe, frame_count, speaker_name

TOGETHER = 6  # recordings of similar length that are encoded at once, to pad little
PADDING = -100  # class number where a batch has no frame


@dataclass(frozen=True)
class JoinedSet:
    """Recordings one after the other.

    Attributes:
        features: (frames, L, D) float16, read when they are used.
        bounds: (R, 2) first frame of each recording, and the one after its last.
        emotion: (frames,) class numbers, -1 where there is not exactly one or no speech.
        accepted: (frames, C) bool, classes that count as right.
        intensity: (frames,) float32 with NaN where unknown.
        known: (R, C) bool, classes that the corpus of a recording can tell.
        names: (R,) corpus and speaker.
        meta: what scores need to know of each recording.
    """

    features: np.ndarray
    bounds: np.ndarray
    emotion: np.ndarray
    accepted: np.ndarray
    intensity: np.ndarray
    known: np.ndarray
    names: np.ndarray
    meta: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.bounds)

    def chosen(self, rows: Sequence[int]) -> JoinedSet:
        """Some of the recordings; the frames stay where they are."""
        rows = np.asarray(rows, np.int64)
        return replace(
            self,
            bounds=self.bounds[rows],
            known=self.known[rows],
            names=self.names[rows],
            meta=tuple(self.meta[i] for i in rows),
        )

    def row(self, number: int) -> torch.Tensor:
        """Features (T, L, D) float32 of a recording."""
        start, stop = self.bounds[number]
        return torch.from_numpy(self.features[start:stop].astype(np.float32))

    def labels(self) -> FrameLabels:
        """What is to be found in these recordings."""
        emotion, intensity = (
            np.concatenate([values[start:stop] for start, stop in self.bounds])
            for values in (self.emotion, self.intensity)
        )
        lengths = self.bounds[:, 1] - self.bounds[:, 0]
        return FrameLabels(np.cumsum([0, *lengths]), emotion, intensity, self.meta)

    def batch(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        """Padded recordings.

        Returns:
            features (B, T, L, D) float32, mask (B, T) bool, emotion (B, T) with `PADDING`, accepted (B, T, C),
            intensity (B, T) with NaN, known (B, C).
        """
        spans = self.bounds[np.asarray(rows)]
        size, longest = len(spans), int((spans[:, 1] - spans[:, 0]).max())
        batch = {
            "features": torch.zeros(size, longest, *self.features.shape[1:]),
            "mask": torch.zeros(size, longest, dtype=torch.bool),
            "emotion": torch.full((size, longest), PADDING),
            "accepted": torch.zeros(size, longest, len(EMOTIONS), dtype=torch.bool),
            "intensity": torch.full((size, longest), float("nan")),
            "known": torch.from_numpy(self.known[np.asarray(rows)]),
        }
        for i, (start, stop) in enumerate(spans):
            frames = stop - start
            batch["mask"][i, :frames] = True
            for name, values in (
                ("features", self.features),
                ("emotion", self.emotion),
                ("accepted", self.accepted),
                ("intensity", self.intensity),
            ):
                batch[name][i, :frames] = torch.from_numpy(np.array(values[start:stop])).to(batch[name].dtype)
        return batch

    def batches(self, size: int, rng: np.random.Generator) -> list[list[int]]:
        """All recordings in batches of similar length, in random order."""
        lengths = self.bounds[:, 1] - self.bounds[:, 0]
        pool = 8 * size
        order = rng.permutation(len(self))
        found = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            part = part[np.argsort(lengths[part], kind="stable")]
            found += [part[i : i + size].tolist() for i in range(0, len(part), size)]
        return [found[i] for i in rng.permutation(len(found))]


def encode_joined(
    folder: Path, sampler: CompositeSampler, count: int, encoder: SpeechEncoder, progress: Progress = silent
) -> JoinedSet:
    """Draw and encode joined recordings, or take those that a run with the same settings left in the folder.

    Args:
        folder: made anew if it is not complete.
        sampler: draws them.
        count: how many.
        encoder: hears them.
        progress: called as (stage, done, total).
    """
    done = folder / "labels.npz"
    if not done.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, (sampler.draw(0, i) for i in range(count)), count, encoder, progress)
    with np.load(done, allow_pickle=False) as file:
        values = {name: file[name] for name in file.files}
    frames = len(values["emotion"])
    features = np.memmap(folder / "features.f16", np.float16, "r").reshape(frames, encoder.num_taps, encoder.dim)
    meta = tuple(json.loads(str(values.pop("meta"))))
    return JoinedSet(features, meta=meta, **values)


def stretches_of(joined: JoinedSet, seed: int = 0) -> ClipSet:
    """Statistics of every stretch of one emotion, and of a part of each, as they are heard between their neighbours.

    A clip's features depend on what lies around it; networks that heard clips alone err where emotions change.

    Args:
        joined: recordings.
        seed: of the parts.
    """
    rng = np.random.default_rng([seed, 7])
    rows: list[dict[str, np.ndarray]] = []
    for number, (start, stop) in enumerate(joined.bounds):
        accepted = joined.accepted[start:stop]
        heard = np.flatnonzero(accepted.any(1))
        if not len(heard):
            continue
        x = joined.row(number)[heard]
        x = F.layer_norm(x, x.shape[-1:]).flatten(1).numpy()
        changes = np.flatnonzero((accepted[heard][1:] != accepted[heard][:-1]).any(1)) + 1
        intensity = joined.intensity[start:stop][heard]
        for first, last in pairwise([0, *changes, len(heard)]):
            spans = [(first, last)]
            length = int(rng.integers(SHORTEST, LONGEST))
            if last - first > length + LEAST:
                begin = int(rng.integers(first, last - length))
                spans.append((begin, begin + length))
            for a, b in spans if last - first >= LEAST else ():
                levels = intensity[a:b][~np.isnan(intensity[a:b])]
                rows.append(
                    {
                        "mean": x[a:b].mean(0).astype(np.float16),
                        "square": (x[a:b] ** 2).mean(0).astype(np.float16),
                        "frames": np.int64(b - a),
                        "whole": np.bool_((a, b) == (first, last)),
                        "copy": np.int64(IN_JOINED),
                        "accepted": accepted[heard[a]],
                        "known": joined.known[number],
                        "intensity": np.float32(levels.mean() if len(levels) else np.nan),
                        "corpus": np.str_(str(joined.names[number]).split("/")[0]),
                        "speaker": np.str_(joined.names[number]),
                        "path": np.str_(f"joined-{start}"),
                    }
                )
    kept = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    none = np.zeros(0, bool)
    return ClipSet(**kept, sample=kept["mean"][:0], sample_speech=none, sample_speaker=kept["speaker"][:0])


def _write(
    folder: Path, composites: Iterator[Composite], count: int, encoder: SpeechEncoder, progress: Progress
) -> None:
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("emotion", "accepted", "intensity", "known")}
    names, meta, lengths = [], [], []
    with open(folder / "features.f16", "wb") as file:
        for done, (composite, features) in enumerate(_encoded(composites, encoder.batch), start=1):
            file.write(features.numpy().tobytes())
            labels = Labels.of(composite, len(features))
            for name, kept in parts.items():
                kept.append(getattr(labels, name))
            names.append(speaker_name(composite))
            meta.append(describe(composite))
            lengths.append(len(features))
            progress("encoding joined recordings", done, count)
    ends = np.cumsum(lengths)
    part = folder / "labels.part.npz"
    np.savez(
        part,
        bounds=np.stack([ends - lengths, ends], axis=1),
        names=np.array(names),
        meta=np.array(json.dumps(meta)),
        known=np.stack(parts.pop("known")),
        **{name: np.concatenate(kept) for name, kept in parts.items()},
    )
    part.rename(folder / "labels.npz")


def _encoded(
    composites: Iterator[Composite], batch: Callable[[list[np.ndarray]], tuple[torch.Tensor, torch.Tensor]]
) -> Iterator[tuple[Composite, torch.Tensor]]:
    """Each recording with its features (T, L, D) float16; the order is by length within each hundred."""
    waiting: list[Composite] = []

    def flush() -> Iterator[tuple[Composite, torch.Tensor]]:
        waiting.sort(key=lambda c: len(c.waveform))
        for start in range(0, len(waiting), TOGETHER):
            chosen = waiting[start : start + TOGETHER]
            found, mask = batch([c.waveform for c in chosen])
            for composite, row, seen in zip(chosen, found, mask, strict=True):
                yield composite, row[seen][: frame_count(composite)].half()
        waiting.clear()

    for composite in composites:
        waiting.append(composite)
        if len(waiting) == 96:
            yield from flush()
    yield from flush()
