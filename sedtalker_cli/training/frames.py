"""Composites as encoder features with frame labels, kept on disk so that every model trains on the same draws."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sedtalker_cli.data.composites import Composite
from sedtalker_cli.data.corpora import Utterance, corpus_reader
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.timeline import EMOTIONS, HOP


def intensity_target(utterance: Utterance) -> float:
    """How strongly the emotion is shown, 0..1, or NaN where the corpus does not tell.

    Neutral is 0. Levels of a corpus are taken as they are (RAVDESS: normal 0.5, strong 1.0). Annotated arousal is
    stretched so that its usual range (1.5 to 4.5 of 5) spans 0 to 1.
    """
    if utterance.label == "neutral":
        return 0.0
    if utterance.intensity is not None:
        return utterance.intensity
    if utterance.arousal is not None:
        return float(np.clip((utterance.arousal - 0.125) / 0.75, 0, 1))
    return float("nan")


def known_classes(corpus: str) -> np.ndarray:
    """(C,) bool: classes that a corpus can tell; in plain read speech, assumed neutral, all the others are absent."""
    reader = corpus_reader(corpus)
    return np.array([not reader.annotated or name in reader.classes for name in EMOTIONS])


@dataclass(frozen=True)
class Labels:
    """Frame labels of one recording: class (T,) int64, intensity (T,) float32 with NaN, known classes (C,) bool."""

    emotion: np.ndarray
    intensity: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, composite: Composite, frames: int) -> "Labels":
        """Label every frame by the turn at its centre."""
        centres = (np.arange(frames) + 0.5) * HOP
        onsets = np.array([turn.onset for turn in composite.turns])
        turn_of = np.clip(np.searchsorted(onsets, centres, side="right") - 1, 0, None)
        emotion = np.array([EMOTIONS.index(t.utterance.label) for t in composite.turns])[turn_of]
        intensity = np.array([intensity_target(t.utterance) for t in composite.turns], np.float32)[turn_of]
        return cls(emotion, intensity, known_classes(composite.turns[0].utterance.corpus))


class FrameSet:
    """Recordings of one draw: `features` (frames, L, D) float16 on disk and the labels of each.

    Args:
        folder: written by `build`.
    """

    def __init__(self, folder: Path):
        index = np.load(folder / "labels.npz")
        self.bounds, self.known = index["bounds"], index["known"]
        self.emotion, self.intensity = index["emotion"], index["intensity"]
        self.meta = json.loads((folder / "meta.json").read_text())
        self.features = np.load(folder / "features.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def item(self, i: int) -> tuple[torch.Tensor, Labels]:
        """Features (T, L, D) float16 and labels of recording `i`."""
        part = slice(self.bounds[i], self.bounds[i + 1])
        features = torch.from_numpy(np.array(self.features[part]))
        return features, Labels(self.emotion[part], self.intensity[part], self.known[i])

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[dict[str, torch.Tensor]]:
        """Shuffled batches of similar lengths, padded, with a mask."""
        lengths = np.diff(self.bounds) * rng.uniform(0.9, 1.1, len(self))
        groups = np.split(np.argsort(lengths), np.arange(size, len(self), size))
        for group in rng.permutation(len(groups)):
            yield collate([self.item(i) for i in groups[group]])

    @classmethod
    def build(
        cls,
        folder: Path,
        composites: Callable[[int], Composite],
        count: int,
        encoder: SpeechEncoder,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> "FrameSet":
        """Encode `count` composites into `folder`, or use what is complete there.

        Args:
            folder: made complete in one rename.
            composites: number to composite.
            count: how many.
            encoder: gives the features.
            progress: called with (done, total).
        """
        if (folder / "meta.json").is_file():
            return cls(folder)
        part = folder.with_name(folder.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        bounds, emotion, intensity, known, meta = [0], [], [], [], []
        with open(part / "features.raw", "wb") as raw:
            for i in range(count):
                composite = composites(i)
                features = encoder.encode([composite.waveform])
                labels = Labels.of(composite, len(features))
                raw.write(features.numpy().tobytes())
                bounds.append(bounds[-1] + len(features))
                emotion.append(labels.emotion)
                intensity.append(labels.intensity)
                known.append(labels.known)
                meta.append(describe(composite))
                progress(i + 1, count)
        shape = (bounds[-1], encoder.num_taps, encoder.dim)
        header = {"descr": "<f2", "fortran_order": False, "shape": shape}
        with open(part / "features.npy", "wb") as file, open(part / "features.raw", "rb") as raw:
            np.lib.format.write_array_header_2_0(file, header)
            while block := raw.read(1 << 24):
                file.write(block)
        os.unlink(part / "features.raw")
        np.savez(
            part / "labels.npz",
            bounds=np.array(bounds),
            emotion=np.concatenate(emotion),
            intensity=np.concatenate(intensity),
            known=np.array(known),
        )
        (part / "meta.json").write_text(json.dumps(meta))
        os.replace(part, folder)
        return cls(folder)


def describe(composite: Composite) -> dict:
    """What evaluation needs to know of a composite, as JSON."""
    first = composite.turns[0].utterance
    return {
        "corpus": first.corpus,
        "speaker": first.speaker,
        "duration": composite.duration,
        "turns": [
            {
                "onset": t.onset,
                "duration": t.duration,
                "emotion": t.utterance.label,
                "path": t.utterance.path.name,
                "strength": t.utterance.strength,
                "arousal": t.utterance.arousal,
            }
            for t in composite.turns
        ],
    }


def collate(items: Sequence[tuple[torch.Tensor, Labels]]) -> dict[str, torch.Tensor]:
    """Pad to the longest: features (B, T, L, D), emotion (B, T) with -100, intensity (B, T) with NaN, mask, known."""
    longest = max(len(features) for features, _ in items)
    batch = {
        "features": torch.zeros(len(items), longest, *items[0][0].shape[1:]),
        "emotion": torch.full((len(items), longest), -100),
        "intensity": torch.full((len(items), longest), float("nan")),
        "mask": torch.zeros(len(items), longest),
        "known": torch.stack([torch.from_numpy(labels.known) for _, labels in items]),
    }
    for row, (features, labels) in enumerate(items):
        batch["features"][row, : len(features)] = features.float()
        batch["emotion"][row, : len(features)] = torch.from_numpy(labels.emotion)
        batch["intensity"][row, : len(features)] = torch.from_numpy(labels.intensity)
        batch["mask"][row, : len(features)] = 1
    return batch
