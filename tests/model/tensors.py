"""Random tensors and small networks for the tests of models."""

import pytest
import torch

from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.model.animator_network import AnimatorNetwork, EmotionCondition

STYLES = ("one", "two")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def normal(*shape) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def stirred(module):
    """Float64, nothing dropped, no parameter at a special value such as 0."""
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module.requires_grad_(False)


def masks(lengths, longest) -> torch.Tensor:
    return (torch.arange(longest) < torch.tensor(lengths)[:, None]).double()


def animator_network(**sizes) -> AnimatorNetwork:
    small = {"d_model": 16, "layout": "ma", "window": 3, "emotion_dim": 6, "style_dim": 2, "d_state": 4}
    return AnimatorNetwork(EMOTIONS, STYLES, 2, 12, **{**small, **sizes})


@pytest.fixture
def condition():
    return EmotionCondition(EMOTIONS, 5).double()
