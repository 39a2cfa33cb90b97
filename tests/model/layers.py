"""Layers with parameters that are not those of the start."""

import torch


def stirred(layer, seed=1, size=0.5):
    """The layer with random parameters, so that nothing is hidden by tiny or equal initial values."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=draw).to(parameter))
    return layer.eval()
