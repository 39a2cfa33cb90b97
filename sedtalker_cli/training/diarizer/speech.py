"""Fit of what tells speech from silence: a logistic regression on the encoder's features of a frame."""

import torch
from torch.nn import functional as F

from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.training.diarizer.clips import ClipSet, as_tensor

PENALTY = 3e-3  # on squared weights of standard features
ITERATIONS = 60


def fit_speech(network: DiarizerNetwork, clips: ClipSet) -> float:
    """Set `network.speech` by frames of clips, as recorded and worn, and where speech was in the clean sound.

    Args:
        network: changed in place.
        clips: with sampled frames.

    Returns:
        share of these frames that it is right in.
    """
    x, wanted = as_tensor(clips.sample), as_tensor(clips.sample_speech)
    mean, deviation = x.mean(0), x.std(0).clamp(min=1e-4)
    x = (x - mean) / deviation
    weights = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = x @ weights[:-1] + weights[-1]
        loss = F.binary_cross_entropy_with_logits(logits, wanted) + PENALTY * (weights[:-1] ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        scaled = weights[:-1] / deviation
        network.speech.weight.copy_(scaled[None])
        network.speech.bias.copy_((weights[-1] - (scaled * mean).sum())[None])
        return float(((x @ weights[:-1] + weights[-1] > 0) == (wanted > 0)).float().mean())
