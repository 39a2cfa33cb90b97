"""An animator on captured recordings, beside two plain baselines: a loudness envelope and a linear ridge."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from sedtalker_cli.audio import load_audio
from sedtalker_cli.data.captures import Capture
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import lip_gap, lip_width
from sedtalker_cli.metrics.lipsync import Track, score_tracks
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.mel import LogMel

COEFFICIENTS = ("jawOpen", "mouthFunnel", "mouthPucker")
SWAPPED = "angry against happy"
RIDGE_OFFSETS = range(-10, 11, 2)  # feature frames of 20 ms, 11 of them within 0.2 s to either side


def captured_track(capture: Capture) -> Track:
    """What was captured, as a track."""
    channels = {name: capture.weights[:, ARKIT_INDEX[name]] for name in COEFFICIENTS}
    if capture.gap is not None:
        channels |= {"lip_gap": capture.gap, "lip_width": capture.width}
    return Track(channels, capture.fps, capture.words)


def animated_track(
    animator: Animator,
    features: torch.Tensor,
    capture: Capture,
    head: Head,
    emotion: str = "neutral",
    intensity: float = 0.0,
    style: str | None = None,
) -> Track:
    """What the animator makes of the recording, in one emotion, lips measured on a head."""
    frames = len(features)
    posteriors = np.zeros((frames, len(animator.classes)), np.float32)
    posteriors[:, animator.classes.index(emotion)] = 1
    duration = len(capture.weights) / capture.fps
    level = np.full(frames, intensity, np.float32)
    weights = animator.predict(features, posteriors, level, duration, capture.fps, style)
    vertices = head.vertices(weights)
    channels = {name: weights[:, ARKIT_INDEX[name]] for name in COEFFICIENTS}
    channels |= {"lip_gap": lip_gap(vertices, head), "lip_width": lip_width(vertices, head)}
    return Track(channels, capture.fps, capture.words)


def score_animator(
    animator: Animator, captures: Sequence[Capture], features: Sequence[torch.Tensor], head: Head, styled: bool = True
) -> dict[str, float]:
    """Scores on captures of one frame rate, neutral emotion (see `metrics.lipsync.score_tracks`).

    Args:
        animator: the model.
        captures: recordings with motion.
        features: encoder features of each.
        head: whose lips are measured.
        styled: use each capture's own speaking style, not the default one.
    """
    found = [
        animated_track(animator, f, c, head, style=c.source if styled else None)
        for c, f in zip(captures, features, strict=True)
    ]
    return score_tracks([captured_track(c) for c in captures], found)


def loudness_envelope(waveform: np.ndarray, capture: Capture) -> Track:
    """The baseline that knows only how loud it is: log energy of 40 ms, smoothed over 0.1 s, as every channel."""
    frames = len(capture.weights)
    centres = (np.arange(frames) / capture.fps * 16_000).astype(int)
    padded = np.pad(waveform.astype(np.float64) ** 2, (800, 800 + max(0, centres[-1] + 1 - len(waveform))))
    energy = np.array([padded[c : c + 1600].mean() for c in centres])
    level = np.maximum(10 * np.log10(energy + 1e-8), -60)
    return Track({name: level for name in captured_track(capture).channels}, capture.fps)


class Ridge:
    """Linear regression with a penalty from 11 log-mel frames within 0.2 s to every captured channel.

    Args:
        captures: training recordings of one source.
        load: waveform of a capture.
        penalty: on standardised features.
    """

    def __init__(self, captures: Sequence[Capture], load: Callable[[Capture], np.ndarray], penalty: float = 300.0):
        self.mel = LogMel()
        self.names = tuple(captured_track(captures[0]).channels)
        inputs = np.concatenate([self.inputs(load(c), c) for c in captures])
        targets = np.concatenate([np.stack(list(captured_track(c).channels.values()), 1) for c in captures])
        self.mean, self.std = inputs.mean(0), inputs.std(0) + 1e-3
        x = (inputs - self.mean) / self.std
        self.bias = targets.mean(0)
        self.weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (targets - self.bias))

    def inputs(self, waveform: np.ndarray, capture: Capture) -> np.ndarray:
        """(T, 11 x 40) log-mel frames around each motion frame, mel bands averaged in pairs."""
        padded = torch.from_numpy(np.pad(waveform, (0, -len(waveform) % 320 + 320)))[None]
        mel = self.mel(padded)[0].unflatten(0, (40, 2)).mean(1).unflatten(1, (-1, 2)).mean(-1).T.numpy()
        frames = np.round(np.arange(len(capture.weights)) / capture.fps * 50 - 0.5).astype(int)
        index = np.clip(frames[:, None] + np.array(RIDGE_OFFSETS), 0, len(mel) - 1)
        return mel[index].reshape(len(frames), -1).astype(np.float64)

    def __call__(self, waveform: np.ndarray, capture: Capture) -> Track:
        """Predicted channels of a recording."""
        found = (self.inputs(waveform, capture) - self.mean) / self.std @ self.weights + self.bias
        return Track(dict(zip(self.names, found.T, strict=True)), capture.fps)


def evaluate_lipsync(
    encoder: SpeechEncoder,
    animator: Animator,
    captures: Sequence[Capture],
    split: str,
    head: Head,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, dict[str, dict[str, float]]]:
    """Source -> model or baseline -> scores, on one split of the captures; the row `SWAPPED` compares two emotions.

    Args:
        encoder, animator: the models; each source is animated in its own style and in the default one.
        captures: of any sources; the ridge learns from the training split of each.
        split: part to score.
        head: whose lips are measured.
        progress: called with (what, done, total).
    """
    results: dict[str, dict[str, dict[str, float]]] = {}
    for source in sorted({c.source for c in captures if c.split == split}):
        chosen = [c for c in captures if c.source == source and c.split == split]
        training = [c for c in captures if c.source == source and c.split == "train"]
        sounds = [load_audio(c.audio) for c in chosen]
        features = []
        for number, sound in enumerate(sounds, start=1):
            features.append(encoder.encode([sound]))
            progress(f"{source}: encoding", number, len(sounds))
        truth = [captured_track(c) for c in chosen]
        ridge = Ridge(training, lambda c: load_audio(c.audio))
        results[source] = {
            "animator": score_animator(animator, chosen, features, head),
            "animator, default style": score_animator(animator, chosen, features, head, styled=False),
            "loudness envelope": score_tracks(
                truth, [loudness_envelope(s, c) for s, c in zip(sounds, chosen, strict=True)]
            ),
            "linear ridge": score_tracks(truth, [ridge(s, c) for s, c in zip(sounds, chosen, strict=True)]),
            SWAPPED: emotion_swap(animator, chosen, features, head),
        }
    return results


def emotion_swap(
    animator: Animator,
    captures: Sequence[Capture],
    features: Sequence[torch.Tensor],
    head: Head,
    first: str = "angry",
    second: str = "happy",
) -> dict[str, float]:
    """Same words in two emotions at full intensity: correlation of lip opening, and closures kept in each."""
    tracks = {
        name: [animated_track(animator, f, c, head, name, 1.0) for c, f in zip(captures, features, strict=True)]
        for name in (first, second)
    }
    scores = score_tracks(tracks[first], tracks[second])
    kept = {
        f"closures_kept_{name}": score_tracks([captured_track(c) for c in captures], found).get(
            "closure_rate", float("nan")
        )
        for name, found in tracks.items()
    }
    return {"lip_gap_r": scores["lip_gap_r"], "jawOpen_r": scores["jawOpen_r"], **kept}
