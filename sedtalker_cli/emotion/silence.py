"""What is said of emotion where nobody speaks: pauses keep the emotion around them, long silence is neutral."""

from itertools import pairwise

import numpy as np

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.decoding import runs_of

REST = 2.0  # s of silence after which a voice's emotion is over; longer than the pauses of acted and read corpora
FADE = 0.3  # s over which it goes and comes
LEAST = 5  # frames of speech in a recording that holds any
NO_SPEECH = "nothing like speech heard"
BURST = 3  # fewer frames of speech in a row are a click


def voiced_frames(speech: np.ndarray) -> np.ndarray:
    """Frames (T,) bool of speech, from its probability (T,); short bursts are none."""
    voiced = np.asarray(speech) >= 0.5
    for start, stop, _ in runs_of(voiced.astype(np.int64)):
        if stop - start < BURST:
            voiced[start:stop] = False
    return voiced if np.count_nonzero(voiced) >= LEAST else np.zeros_like(voiced)


def describe_speech(speech: np.ndarray | None) -> list[str]:
    """A line where the probability of speech (T,) leaves none, and the whole recording is neutral; None is unknown."""
    return [] if speech is None or voiced_frames(speech).any() else [NO_SPEECH]


def fill_silence(
    posteriors: np.ndarray, intensity: np.ndarray, speech: np.ndarray, neutral: int
) -> tuple[np.ndarray, np.ndarray]:
    """Replace what was answered in silence, where there is nothing to hear an emotion in.

    Args:
        posteriors: (T, C), rows sum to 1.
        intensity: (T,) in [0, 1].
        speech: (T,) probability of speech.
        neutral: number of the neutral class.

    Returns:
        posteriors and intensity, float32: in pauses interpolated between the speech around them; neutral at 0 in
        silence of more than `REST`, and in a recording without speech.
    """
    frames = len(posteriors)
    voiced = np.flatnonzero(voiced_frames(speech))
    rest = np.zeros(posteriors.shape[1])
    rest[neutral] = 1
    if not len(voiced):
        return np.tile(rest, (frames, 1)).astype(np.float32), np.zeros(frames, np.float32)
    values = np.column_stack([posteriors, intensity]).astype(np.float64)
    places = np.arange(frames)
    filled = np.column_stack([np.interp(places, voiced, values[voiced, k]) for k in range(values.shape[1])])
    # 1 in speech and short pauses, 0 in long silence.
    kept = np.ones(frames)
    longest, fade = round(REST / HOP), round(FADE / HOP)
    edges = [-1, *voiced.tolist(), frames]
    for before, after in pairwise(edges):
        if after - before - 1 > longest:
            gone = np.full(frames, np.inf)
            if before >= 0:
                gone = np.minimum(gone, places - before)
            if after < frames:
                gone = np.minimum(gone, after - places)
            inside = slice(before + 1, after)
            kept[inside] = np.clip(1 - gone[inside] / fade, 0, 1)
    filled *= kept[:, None]
    filled[:, neutral] += 1 - kept
    return filled[:, :-1].astype(np.float32), filled[:, -1].astype(np.float32)
