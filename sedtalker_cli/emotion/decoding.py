"""From posteriors to labels: the best path under a cost per switch and a minimum duration."""

import numpy as np

FLOOR = 1e-8  # keeps the logarithm finite
TIE = 1e-9  # nats; of two paths as good as each other the one that does not change is taken, whatever rounding says


def decode_labels(posteriors: np.ndarray, min_frames: int, switch_cost: float) -> np.ndarray:
    """Most probable label sequence in which every run lasts at least `min_frames`.

    Maximises sum_t log p_t(label_t) - switch_cost * (number of switches) exactly: a Viterbi recursion in
    which a class is entered with the whole of its first `min_frames` frames. As the cost is the same for
    every pair of classes, a step is O(C).

    Args:
        posteriors: (T, C) class probabilities.
        min_frames: shortest run in frames (>= 1); a recording shorter than that gets one label.
        switch_cost: cost of a switch in nats (>= 0).

    Returns:
        (T,) int64 labels.
    """
    frames, classes = posteriors.shape
    if frames == 0:
        return np.zeros(0, np.int64)
    logs = np.log(np.maximum(posteriors.astype(np.float64), FLOOR))
    need = min(max(1, min_frames), frames)
    totals = np.vstack([np.zeros((1, classes)), np.cumsum(logs, axis=0)])
    windows = totals[need:] - totals[:-need]  # [t] = evidence of frames t .. t + need - 1
    # score[c]: best path up to this frame whose present run is in c and already long enough.
    score = windows[0]
    best, best_class = (
        np.full(frames - need + 1, -np.inf),
        np.zeros(frames - need + 1, np.int64),
    )  # [k]: of frame need-1+k
    best[0], best_class[0] = score.max(), score.argmax()
    entered = np.zeros((frames, classes), bool)
    for start in range(need, frames, need):
        stop = min(start + need, frames)
        # A new run of `need` frames follows the frame k of `best`, which lies before this block: all of it at once.
        first = start - 2 * need + 1
        base = np.full(stop - start, -np.inf)  # before the first one there is nothing
        there = slice(min(max(0, -first), len(base)), None)
        base[there] = best[max(0, first) : max(0, first + stop - start)] - switch_cost
        summed = np.cumsum(logs[start:stop], axis=0)
        enter = base[:, None] + windows[start - need + 1 : stop - need + 1] - summed
        # score[t] = max(score[t - 1] + log p[t], enter[t]), and with the sum of log p taken off a running maximum.
        scores = np.maximum.accumulate(np.vstack([score, enter]), axis=0)
        entered[start:stop] = enter > scores[:-1] + TIE
        table = scores[1:] + summed
        score = table[-1]
        best[start - need + 1 : stop - need + 1] = table.max(axis=1)
        best_class[start - need + 1 : stop - need + 1] = table.argmax(axis=1)
    labels = np.empty(frames, np.int64)
    end, label = frames - 1, int(best_class[-1])
    while end >= 0:
        # Walk back to where the present run was entered; its first `need` frames are fixed then.
        column = entered[: end + 1, label]
        hit = _last_true(column)
        start = hit - need + 1 if hit >= 0 else 0
        labels[start : end + 1] = label
        end = start - 1
        if end >= 0:
            label = int(best_class[end - need + 1])
    return labels


def _last_true(flags: np.ndarray) -> int:
    """Index of the last True, or -1; looks from the end in growing steps so that long files stay linear."""
    stop, size = len(flags), 64
    while stop > 0:
        start = max(0, stop - size)
        found = np.flatnonzero(flags[start:stop])
        if len(found):
            return start + int(found[-1])
        stop, size = start, size * 4
    return -1


def runs_of(labels: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of equal labels as (first frame, frame after the last, label)."""
    if len(labels) == 0:
        return []
    edges = np.flatnonzero(np.diff(labels)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(labels)]
    return [(a, b, int(labels[a])) for a, b in zip(starts, stops, strict=True)]
