"""How much each answer of the diarizer counts, fitted on speakers that were not trained on."""

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from sedtalker_cli.model.losses import masked_intensity
from sedtalker_cli.training.diarizer.labels import UNLABELLED


def fit_shares(answers: Sequence[torch.Tensor], target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Shares (A,), none negative, with the least cross-entropy of the weighted sum of A answers.

    Args:
        answers: A times (frames, C) class logits.
        target: (frames,) class numbers, `UNLABELLED` where there is none.
        weight: (frames,) of the frames.
    """
    told = target != UNLABELLED
    stacked, wanted = torch.stack([answer[told] for answer in answers]), target[told]
    weight = weight[told] / weight[told].sum()

    def loss(shares: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(torch.einsum("a,anc->nc", shares, stacked), wanted, reduction="none") @ weight

    return _minimise(loss, len(stacked))


def fit_levels(answers: Sequence[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Shares (A,), none negative, of A answers (frames,), intensity logits, with the least squared error.

    Args:
        answers: to be added.
        target: (frames,) intensity, NaN where unknown.
    """
    told = ~target.isnan()
    stacked, wanted = torch.stack([answer[told] for answer in answers]), target[told]
    return _minimise(lambda shares: masked_intensity(shares @ stacked, wanted), len(stacked))


@torch.enable_grad()
def _minimise(loss_of: Callable[[torch.Tensor], torch.Tensor], size: int) -> torch.Tensor:
    roots = torch.full((size,), size**-0.5, requires_grad=True)  # squared, so that no share is negative
    optimizer = torch.optim.LBFGS([roots], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(roots**2)
        loss.backward()
        return loss

    optimizer.step(closure)
    return (roots**2).detach()
