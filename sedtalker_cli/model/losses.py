"""Losses of the diarizer and the animator."""

import torch
from torch.nn import functional as F


def masked_classification(
    logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Cross-entropy over the classes that each recording's corpus labels.

    Args:
        logits: (B, T, C).
        target: (B, T) class numbers, negative where there is no frame or no class; or (B, T, C) bool, the classes any
            of which counts as right, none where there is no frame or nothing is told.
        known: (B, C) bool; unknown classes take no part, so they are not learned as absent.
        smoothing: probability spread evenly over a recording's known classes.

    Returns:
        Mean over recordings of the mean over their frames (long recordings do not dominate).
    """
    log_p = logits.masked_fill(~known[:, None], -1e9).log_softmax(-1)
    if target.dtype == torch.bool:
        valid = target.any(-1)
        nll = -log_p.masked_fill(~target, -1e9).logsumexp(-1)
    else:
        valid = target >= 0
        nll = -log_p.gather(-1, target.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    spread = -(log_p * known[:, None]).sum(-1) / known.sum(-1)[:, None]
    loss = ((1 - smoothing) * nll + smoothing * spread) * valid
    return (loss.sum(1) / valid.sum(1).clamp(min=1)).mean()


def masked_intensity(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Squared error of sigmoid(logits) over the frames that have a target (others are NaN).

    Args:
        logits, target: (B, T).
    """
    valid = ~target.isnan()
    error = (logits.sigmoid() - target.nan_to_num()) ** 2 * valid
    return error.sum() / valid.sum().clamp(min=1)


def ranked_intensity(
    logits: torch.Tensor, target: torch.Tensor, emotion: torch.Tensor, margin: float = 0.1
) -> torch.Tensor:
    """Pairwise logistic ranking of recordings of a batch by mean intensity (RankNet, Burges et al. 2005).

    Args:
        logits: (B, T) intensity logits.
        target: (B, T) with NaN where unknown.
        emotion: (B, T) classes, -1 where a recording does not tell one, -100 where there is no frame; only recordings
            of one class (or none) with a target take part.
        margin: pairs whose targets are closer are left out.
    """
    there = emotion > -100
    valid = (~target.isnan()) & there
    frames = valid.sum(1)
    constant = emotion.amax(1) == emotion.masked_fill(~there, 99).amin(1)
    rows = (frames > 0) & constant
    if rows.sum() < 2:
        return logits.sum() * 0
    score = (logits * valid).sum(1)[rows] / frames[rows]
    level = (target.nan_to_num() * valid).sum(1)[rows] / frames[rows]
    above = level[:, None] - level[None] > margin
    if not above.any():
        return logits.sum() * 0
    return F.softplus(-(score[:, None] - score[None]))[above].mean()


def vertex_losses(
    found: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, lips: torch.Tensor, unit: float = 1.0
) -> torch.Tensor:
    """Squared errors of vertices, of their velocity, and of the lips' vertices, a row a recording.

    Args:
        found, target: (B, T, V, 3).
        mask: (B, T) with 1 for frames that exist.
        lips: (L,) vertex numbers.
        unit: length in which errors are measured.

    Returns:
        (B, 3) means over frames, vertices and axes.
    """
    error = (found - target) * (mask / unit)[..., None, None]
    frames = mask.sum(1)
    size = found.shape[2] * 3
    both = (mask[:, 1:] * mask[:, :-1])[..., None, None]
    vertices = error.square().sum((1, 2, 3)) / (frames * size)
    velocity = (error.diff(dim=1) * both).square().sum((1, 2, 3)) / ((frames - 1).clamp(min=1) * size)
    mouth = error[:, :, lips].square().sum((1, 2, 3)) / (frames * 3 * len(lips))
    return torch.stack([vertices, velocity, mouth], dim=1)
