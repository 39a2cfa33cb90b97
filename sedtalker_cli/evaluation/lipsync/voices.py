"""Mouth motion on tracked voices of many speakers: medians over recordings, quartiles over speakers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.evaluation.lipsync.tracks import animate, captured_track, motion_track
from sedtalker_cli.evaluation.metrics.closures import score_closures
from sedtalker_cli.evaluation.metrics.lipsync import Track, best_lag, jitter
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import Head
from sedtalker_cli.model.animator import Animator

REACH = 0.1  # s by which sound and picture of a public video may be offset
FOLLOWED = {"lip_gap": "lip_gap_r", "jawOpen": "jawOpen_r", "lip_width": "lip_width_r"}
SPOKEN = 20.0  # dB below a recording's loud frames down to which it speaks
JAW = ARKIT_INDEX["jawOpen"]
SLOW, FAST = 25.0, 60.0  # frames a second whose jitter is compared

Scores = dict[str, float]


def by_kind(captures: Sequence[Capture]) -> dict[str, list[int]]:
    """Source and kind of recording -> numbers of its captures, sorted."""
    found: dict[str, list[int]] = {}
    for number, capture in enumerate(captures):
        found.setdefault(f"{capture.source} {capture.kind}".strip(), []).append(number)
    return dict(sorted(found.items()))


def score_clip(capture: Capture, shown: Track) -> Scores:
    """One recording: r of gap, jaw and width at their best lag within `REACH`, lag of the gap, jitter of the jaw."""
    own = captured_track(capture)
    seen = np.ones(len(capture.weights), bool) if capture.seen is None else capture.seen
    scores = {}
    for channel, name in FOLLOWED.items():
        if channel in shown.channels:
            pair = own.channels[channel][seen], shown.channels[channel][seen]
            lag, scores[name] = best_lag(*pair, min(round(REACH * capture.fps), len(pair[0]) // 2))
            if channel == "lip_gap":
                scores["lag_ms"] = 1000 * lag / capture.fps
    if seen.all() and (steady := jitter(own.channels["jawOpen"], capture.fps)):
        scores["jitter_ratio"] = jitter(shown.channels["jawOpen"], capture.fps) / steady
    return scores


def speech_of(loudness: np.ndarray, capture: Capture) -> np.ndarray:
    """(T,) bool, frames of a capture that are loud and were seen, of a level in dB (T,)."""
    loud = loudness > np.percentile(loudness, 95) - SPOKEN
    return loud if capture.seen is None else loud & capture.seen


def score_speakers(captures: Sequence[Capture], shown: Sequence[Track], spoken: Sequence[np.ndarray]) -> Scores:
    """Medians over recordings of `score_clip`, over speakers of `score_closures`; quartiles over speakers.

    Args:
        captures: recordings of one kind.
        shown: motion of each.
        spoken: see `speech_of`.

    Returns:
        The scores by their names; `NAME_q1` and `NAME_q3` are quartiles over speakers of a speaker's median.
    """
    clips = [score_clip(c, s) for c, s in zip(captures, shown, strict=True)]
    speakers: dict[str, list[int]] = {}
    for number, capture in enumerate(captures):
        speakers.setdefault(capture.speaker or capture.name, []).append(number)
    scores = _medians(clips)
    each = [_medians([clips[k] for k in numbers]) for numbers in speakers.values()]
    if all("lip_gap" in track.channels for track in shown) and not is_one_curve(shown[0]):
        closures = [
            score_closures(*zip(*((captured_track(captures[k]), shown[k], spoken[k]) for k in numbers), strict=True))
            for numbers in speakers.values()
        ]
        scores |= _medians(closures)
    for name in ("lip_gap_r", "jawOpen_r"):
        values = [speaker[name] for speaker in each if name in speaker]
        if values:
            scores[f"{name}_q1"], scores[f"{name}_q3"] = map(float, np.percentile(values, (25, 75)))
    return scores


def is_one_curve(track: Track) -> bool:
    """Whether all channels are the same, as those of a loudness envelope: then its size says nothing of lips."""
    return len({id(values) for values in track.channels.values()}) == 1


def _medians(rows: Sequence[Scores]) -> Scores:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.median([row[name] for row in rows if name in row])) for name in names}


def frame_rate_ratio(animator: Animator, captures: Sequence[Capture], features: Sequence[torch.Tensor]) -> float:
    """Jitter of the jaw at `FAST` frames a second over that at `SLOW` of the same motion, median over recordings."""

    def shaken(capture: Capture, heard: torch.Tensor, fps: float) -> float:
        frames = max(4, round(len(capture.weights) / capture.fps * fps))
        asked = replace(capture, fps=fps, weights=np.zeros((frames, capture.weights.shape[1]), np.float32))
        return jitter(animate(animator, heard, asked)[:, JAW], fps)

    pairs = [(shaken(c, f, FAST), shaken(c, f, SLOW)) for c, f in zip(captures, features, strict=True)]
    ratios = [fast / slow for fast, slow in pairs if slow > 0]
    return float(np.median(ratios)) if ratios else float("nan")


def score_voices(
    animator: Animator, captures: Sequence[Capture], features: Sequence[torch.Tensor], head: Head
) -> Scores:
    """`voices_gap_r` and `voices_jaw_r`: means over kinds of recordings of the median over recordings."""
    clips = [
        score_clip(c, motion_track(animate(animator, f, c), c, head)) for c, f in zip(captures, features, strict=True)
    ]
    kinds = [_medians([clips[k] for k in numbers]) for numbers in by_kind(captures).values()]
    return {
        "voices_gap_r": float(np.mean([kind["lip_gap_r"] for kind in kinds])),
        "voices_jaw_r": float(np.mean([kind["jawOpen_r"] for kind in kinds])),
    }
