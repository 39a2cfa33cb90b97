"""Short scores of a diarizer during training; the full report is `sedtalker evaluate diarization`."""

from collections import defaultdict

import numpy as np
from scipy.stats import rankdata, spearmanr

from sedtalker_cli.clock import HOP
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.training.diarizer.labels import UNLABELLED, FrameLabels


def score_frames(frames: FrameLabels, logits: np.ndarray, intensity: np.ndarray) -> dict[str, float]:
    """Frame and turn scores on a set of composites.

    Args:
        frames: with labels and descriptions; those without one class take part in the scores of intensity only.
        logits: (frames, C).
        intensity: (frames,).

    Returns:
        accuracy and macro F1 over frames; `uar`, mean over corpora of the unweighted average recall over turns;
        `auc`, strong against normal turns of RAVDESS; `spearman`, with annotated arousal.
    """
    labelled = frames.emotion != UNLABELLED
    target, found = frames.emotion[labelled], logits[labelled].argmax(-1)
    f1 = []
    for c in range(len(EMOTIONS)):
        hits = np.count_nonzero((target == c) & (found == c))
        f1.append(2 * hits / max(1, np.count_nonzero(target == c) + np.count_nonzero(found == c)))
    recalls = defaultdict(lambda: defaultdict(list))
    strong, normal, arousal = [], [], []
    for a, meta in zip(frames.bounds[:-1], frames.meta, strict=True):
        for turn in meta["turns"]:
            start = a + round(turn["onset"] / HOP)
            part = slice(start, max(start + 1, a + round((turn["onset"] + turn["duration"]) / HOP)))
            if turn["emotion"] is not None:
                label = EMOTIONS.index(turn["emotion"])
                recalls[meta["corpus"]][label].append(logits[part].mean(0).argmax() == label)
            level = float(intensity[part].mean())
            if turn["strength"] in ("strong", "normal") and turn["emotion"] not in (None, "neutral"):
                (strong if turn["strength"] == "strong" else normal).append(level)
            if turn["arousal"] is not None:
                arousal.append((level, turn["arousal"]))
    scores = {
        "accuracy": float((target == found).mean()),
        "macro_f1": float(np.mean(f1)),
        "uar": float(np.mean([np.mean([np.mean(r) for r in c.values()]) for c in recalls.values() if len(c) > 1])),
    }
    if strong and normal:
        ranks = rankdata(strong + normal)[: len(strong)].sum()
        scores["auc"] = float((ranks - len(strong) * (len(strong) + 1) / 2) / (len(strong) * len(normal)))
    if len(arousal) > 2:
        scores["spearman"] = float(spearmanr(*zip(*arousal, strict=True)).statistic)
    return scores
