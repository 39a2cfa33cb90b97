"""From posteriors to labels: the best path under a cost per switch and a minimum duration."""

import numpy as np

FLOOR = 1e-8  # keeps the logarithm finite
CHUNK = 8192  # frames turned into Python lists at once


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
    score = windows[0].tolist()
    best = [max(score)]  # best[k]: of the frame need - 1 + k
    best_class = np.zeros(frames - need + 1, np.int64)
    best_class[0] = windows[0].argmax()
    entered = np.zeros((frames, classes), bool)
    for start in range(need, frames, CHUNK):
        stop = min(start + CHUNK, frames)
        steps, runs, scores = logs[start:stop], windows[start - need + 1 : stop - need + 1], [score]
        for k, (step, run) in enumerate(zip(steps.tolist(), runs.tolist(), strict=True), start - 2 * need + 1):
            # A new run of `need` frames follows the frame k of `best`; before the first one there is nothing.
            base = best[k] - switch_cost if k >= 0 else -np.inf
            score = [
                stay if (stay := s + e) >= (enter := base + r) else enter
                for s, e, r in zip(score, step, run, strict=True)
            ]
            scores.append(score)
            best.append(max(score))
        # Which of both it was is found again from the scores, for the whole chunk at once.
        table = np.array(scores)
        entered[start:stop] = table[1:] > table[:-1] + steps
        best_class[start - need + 1 : stop - need + 1] = table[1:].argmax(axis=1)
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
