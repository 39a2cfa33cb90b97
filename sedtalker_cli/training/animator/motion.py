"""Training examples of the animator: speech features with mouth motion at 50 frames a second, and drawn emotions."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from sedtalker_cli.clock import FRAME_RATE, HOP
from sedtalker_cli.data.augment import augment, change_speed, shift_voice
from sedtalker_cli.data.examples import Example
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.motion.expression import articulation_gain, blend_expression, expression_curves
from sedtalker_cli.progress import Progress, silent


def at_feature_rate(values: np.ndarray, fps: float, frames: int) -> np.ndarray:
    """Values (T, K) at k / fps s read at the feature frames' centres (k + 0.5) / 50 s by a cubic spline.

    A linear reading would take the edge off every movement that is shorter than two frames.
    """
    times, known = (np.arange(frames) + 0.5) * HOP, np.arange(len(values)) / fps
    if len(values) < 2:
        return np.repeat(values[:1], frames, axis=0).astype(np.float32)
    return CubicSpline(known, values)(np.minimum(times, known[-1])).astype(np.float32)


def loudness(waveform: np.ndarray, frames: int) -> np.ndarray:
    """Loudness (T,) in 0..1: level in dB from 35 below the recording's loud frames up to them."""
    padded = np.pad(waveform, (160, max(0, frames * 320 + 320 - len(waveform))))
    power = np.lib.stride_tricks.sliding_window_view(padded**2, 640)[::320][:frames].mean(1)
    level = 10 * np.log10(power + 1e-10)
    return np.clip((level - np.percentile(level, 95)) / 35 + 1, 0, 1).astype(np.float32)


def vary(example: Example, rng: np.random.Generator) -> Example:
    """The same words by another voice, at another pace, in another place; motion follows the pace."""
    waveform, fps = example.waveform, example.fps
    if rng.random() < 0.6:
        waveform = shift_voice(waveform, float(rng.uniform(0.8, 1.45)))
    if rng.random() < 0.5:
        speed = round(float(rng.uniform(0.85, 1.2)), 2)
        waveform, fps = change_speed(waveform, speed), fps * speed
    waveform = augment(waveform, rng, 0.8)
    return Example(waveform, example.mouth, fps, example.known, example.style)


class MotionSet:
    """Encoded examples of one draw on disk: features, mouth motion, loudness, styles.

    Args:
        folder: written by `build`.
    """

    def __init__(self, folder: Path):
        index = np.load(folder / "index.npz")
        self.bounds, self.known = index["bounds"], index["known"]
        self.mouth, self.loudness = index["mouth"], index["loudness"]
        self.styles: list[str] = json.loads((folder / "styles.json").read_text())
        self.features = np.load(folder / "features.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.styles)

    @classmethod
    def build(
        cls,
        folder: Path,
        examples: Iterable[Example],
        encoder: SpeechEncoder,
        stage: str,
        progress: Progress = silent,
    ) -> "MotionSet":
        """Encode examples into `folder`, or use what is complete there.

        Args:
            folder: made, or complete from an earlier run.
            examples: of this draw.
            encoder: makes the features.
            stage: name of this work, for the progress.
            progress: called as (stage, done, total) with examples; how many there will be is not known.
        """
        if (folder / "styles.json").is_file():
            return cls(folder)
        part = folder.with_name(folder.name + ".part")
        part.mkdir(parents=True, exist_ok=True)
        features, mouth, levels, known, styles = [], [], [], [], []
        for done, example in enumerate(examples, start=1):
            features.append(encoder.encode([example.waveform]).numpy())
            frames = len(features[-1])
            mouth.append(at_feature_rate(example.mouth, example.fps, frames))
            levels.append(loudness(example.waveform, frames))
            known.append(example.known)
            styles.append(example.style)
            progress(stage, done, 0)
        np.save(part / "features.npy", np.concatenate(features))
        np.savez(
            part / "index.npz",
            bounds=np.cumsum([0, *map(len, features)]),
            mouth=np.concatenate(mouth),
            loudness=np.concatenate(levels),
            known=np.array(known),
        )
        (part / "styles.json").write_text(json.dumps(styles))
        os.replace(part, folder)
        return cls(folder)

    def batches(
        self, size: int, styles: Sequence[str], rng: np.random.Generator, longest: int = 400
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Shuffled batches with emotions drawn afresh; recordings over `longest` frames are cropped at random."""
        lengths = np.minimum(np.diff(self.bounds), longest) * rng.uniform(0.9, 1.1, len(self))
        groups = np.split(np.argsort(lengths), np.arange(size, len(self), size))
        for group in rng.permutation(len(groups)):
            yield self._batch(groups[group], styles, rng, longest)

    def _batch(self, rows, styles, rng, longest) -> dict[str, torch.Tensor]:
        spans = []
        for row in rows:
            start, stop = int(self.bounds[row]), int(self.bounds[row + 1])
            if stop - start > longest:
                start += int(rng.integers(stop - start - longest + 1))
                stop = start + longest
            spans.append((start, stop))
        width = max(stop - start for start, stop in spans)
        batch = {
            "features": torch.zeros(len(rows), width, *self.features.shape[1:]),
            "posteriors": torch.zeros(len(rows), width, len(EMOTIONS)),
            "intensity": torch.zeros(len(rows), width),
            "motion": torch.zeros(len(rows), width, len(ARKIT_NAMES)),
            "mask": torch.zeros(len(rows), width),
            "known": torch.from_numpy(self.known[rows]).float(),
            "style": torch.tensor([styles.index(self.styles[row]) for row in rows]),
        }
        for i, (start, stop) in enumerate(spans):
            frames = stop - start
            posteriors, intensity = draw_emotions(frames, rng)
            motion = target_motion(self.mouth[start:stop], posteriors, intensity, self.loudness[start:stop])
            batch["features"][i, :frames] = torch.from_numpy(np.array(self.features[start:stop])).float()
            # The emotion goes on over the padding: the network's last slow frame may reach into it.
            rows_of = np.minimum(np.arange(width), frames - 1)
            batch["posteriors"][i] = torch.from_numpy(posteriors[rows_of])
            batch["intensity"][i] = torch.from_numpy(intensity[rows_of])
            batch["motion"][i, :frames] = torch.from_numpy(motion)
            batch["mask"][i, :frames] = 1
        return batch


def target_motion(mouth: np.ndarray, posteriors: np.ndarray, intensity: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Speech with an expression at 50 frames a second: mouth (T, 52), posteriors (T, C), intensity, loudness (T,)."""
    expression = expression_curves(posteriors, intensity, EMOTIONS, FRAME_RATE, level)
    gain = articulation_gain(posteriors, intensity, EMOTIONS, FRAME_RATE)
    return blend_expression(mouth, expression, FRAME_RATE, gain)


def draw_emotions(frames: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random timeline: posteriors (T, C) and intensity (T,), float32.

    One to three stretches; a third of them soft mixtures, as a diarizer gives them; intensities cover 0 to 1.
    """
    count = int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15])) if frames > 60 else 1
    edges = np.sort(rng.integers(0, frames, count - 1))
    rows, levels = [], []
    for _ in range(count):
        row = np.eye(len(EMOTIONS))[rng.integers(len(EMOTIONS))]
        if rng.random() < 0.33:
            share = rng.uniform(0.1, 0.6)
            row = (1 - share) * row + share * rng.dirichlet(np.full(len(EMOTIONS), 0.5))
        rows.append(row)
        levels.append(rng.choice([rng.uniform(0, 1), 0.5, 1.0], p=[0.7, 0.15, 0.15]))
    stretch = np.searchsorted(edges, np.arange(frames), side="right")
    posteriors, intensity = np.array(rows)[stretch], np.array(levels)[stretch]
    reach = int(rng.integers(1, 20))
    kernel = np.ones(2 * reach + 1) / (2 * reach + 1)

    def soften(x: np.ndarray) -> np.ndarray:
        return np.convolve(np.pad(x, reach, mode="edge"), kernel, "valid")

    posteriors = np.stack([soften(column) for column in posteriors.T], 1)
    return posteriors.astype(np.float32), soften(intensity).astype(np.float32)
