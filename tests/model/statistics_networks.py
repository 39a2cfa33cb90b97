"""A small diarizer's network that hears speech by one feature, and features for it."""

import torch

from sedtalker_cli.model.diarizer_network import DiarizerNetwork

SIZES = {"d_model": 8, "layout": "m", "stride": 2, "statistics": 5, "longest": 40, "prior_frames": 5}


def small_network(classes: int = 3, **sizes) -> DiarizerNetwork:
    """Two layers of four features; the first feature of the first layer is positive in speech."""
    torch.manual_seed(0)
    network = DiarizerNetwork(classes, 2, 4, **{**SIZES, "members": 2, "directions": 6, **sizes})
    network = network.eval().requires_grad_(False)
    network.speech.weight.zero_()
    network.speech.bias.zero_()
    network.speech.weight[0, 0] = 10
    network.centre.copy_(0.3 * torch.randn(2, 4))
    network.spread.copy_(0.5 + torch.rand(2, 4))
    return network


def spoken(frames: int = 150, change: int = 60, seed: int = 1) -> torch.Tensor:
    """Features (T, 2, 4) of speech whose mean changes once."""
    x = 0.5 * torch.randn(frames, 2, 4, generator=torch.Generator().manual_seed(seed))
    x[:, 0, 0] = 3
    x[change:, 1, 0] += 3
    return x


def silence(frames: int) -> torch.Tensor:
    """Features (T, 2, 4) of silence, unlike those of speech."""
    x = torch.randn(frames, 2, 4, generator=torch.Generator().manual_seed(9)) * 0.5 + torch.tensor([0.0, 4, 0, -4])
    x[:, 0, 0] = -6
    return x
