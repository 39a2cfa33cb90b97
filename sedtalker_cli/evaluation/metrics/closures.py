"""Measures of shut lips: whether they shut where captured lips do, and nowhere else.

Lips are shut below `SHUT` of the speaker's own usual opening, so that captures of any scale, and a head, are compared.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from sedtalker_cli.evaluation.metrics.lipsync import BILABIALS, Track
from sedtalker_cli.formats.phones import SILENCE

SHUT, OPENED = 0.15, 95  # share of this percentile of a speaker's lip gap below which lips are shut
TOLERANCE = 0.06  # s within which a closure is the same
ONSET = 0.04  # s around the onset of a word that belong to it
LABIODENTAL_WORDS = frozenset(["four", "five", "v"])  # words of the GRID corpus that begin with f or v


def shut_lips(gaps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Whether lips are shut at every frame of one speaker's recordings, from their lip gaps (T,) each."""
    limit = SHUT * np.percentile(np.concatenate(gaps), OPENED)
    return [gap < limit for gap in gaps]


def found_share(shut: np.ndarray, other: np.ndarray, spoken: np.ndarray, reach: int) -> tuple[int, int]:
    """Closures within speech of one track, and how many of them the other track has within `reach` frames."""
    near = maximum_filter1d(other.astype(np.uint8), 2 * reach + 1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (shut & spoken).astype(np.int8), [0]])))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    return len(runs), sum(bool(near[start:stop].any()) for start, stop in runs)


def onsets(shut: np.ndarray, track: Track, words: frozenset[str] | None) -> list[bool]:
    """Whether lips shut at the onset of each of these words; None is all that begin with neither b, p, f nor v."""
    found = []
    for word, start, _ in track.words:
        other = word not in BILABIALS and word not in LABIODENTAL_WORDS and word != SILENCE
        if other if words is None else word in words:
            part = shut[max(0, round((start - ONSET) * track.fps)) : round((start + ONSET) * track.fps) + 1]
            if len(part):
                found.append(bool(part.any()))
    return found


def score_closures(
    references: Sequence[Track], predictions: Sequence[Track], spoken: Sequence[np.ndarray]
) -> dict[str, float]:
    """Closures of one speaker's recordings.

    Args:
        references: captured, with `lip_gap`, and words where they are known.
        predictions: of the same recordings and frames.
        spoken: (T,) bool of each, frames of speech that were measured.

    Returns:
        `shut_share` and `shut_captured`, share of spoken frames with shut lips; `closure_precision`, share of the
        predicted closures that the capture has, too, and `closure_recall`, share of the captured ones that are
        predicted; with words `other_onsets_shut`, share of the onsets of other words than those with b, p, f or v, at
        which lips are shut where the captured ones are apart, `labiodental_shut` and `labiodental_captured`, share of
        the onsets with f or v at which they are shut. What does not occur is left out.
    """
    own = shut_lips([track.channels["lip_gap"] for track in references])
    shown = shut_lips([track.channels["lip_gap"] for track in predictions])
    scores: dict[str, float] = {}
    frames = np.concatenate(spoken)
    if frames.any():
        scores["shut_share"] = float(np.concatenate(shown)[frames].mean())
        scores["shut_captured"] = float(np.concatenate(own)[frames].mean())
    pairs = list(zip(references, shown, own, spoken, strict=True))
    for name, order in (("closure_precision", 1), ("closure_recall", -1)):
        counts = [found_share(*(a, b)[::order], mask, round(TOLERANCE * track.fps)) for track, a, b, mask in pairs]
        total, same = np.sum(counts, axis=0)
        if total:
            scores[name] = float(same / total)
    apart = [
        predicted
        for track, a, b, _ in pairs
        for predicted, captured in zip(onsets(a, track, None), onsets(b, track, None), strict=True)
        if not captured
    ]
    if apart:
        scores["other_onsets_shut"] = float(np.mean(apart))
    for name, column in (("labiodental_shut", 1), ("labiodental_captured", 2)):
        found = [shut for pair in pairs for shut in onsets(pair[column], pair[0], LABIODENTAL_WORDS)]
        if found:
            scores[name] = float(np.mean(found))
    return scores
