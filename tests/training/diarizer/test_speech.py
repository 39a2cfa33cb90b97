"""The detector of speech."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.training.diarizer.speech import fit_speech
from tests.training.diarizer.summaries import clip_set


def test_speech_is_told_from_silence():
    """One of eight features tells, at a place and size that is not 0 and 1; the network hears it in raw features."""
    torch.manual_seed(0)
    network = DiarizerNetwork(3, 2, 4, d_model=8, layout="m", members=1, directions=4).eval().requires_grad_(False)
    speech = torch.rand(600) < 0.4
    x = torch.randn(600, 2, 4)
    x[:, 1, 2] += torch.where(speech, 8.0, 2.0)
    x[:, 1, 3] += 10  # no feature lies around 0, so the place of the border counts
    sample = F.layer_norm(x, (4,)).flatten(1).numpy().astype(np.float16)
    clips = clip_set(sample=sample, sample_speech=speech.numpy(), sample_speaker=np.full(600, "ravdess/1"))
    right = fit_speech(network, clips)
    found = network.hears(3 * x + 5) > 0  # level and place of a layer do not matter
    assert right > 0.9 and float((found == speech).float().mean()) == pytest.approx(right, abs=0.01)
    nothing, telling = network.speech.weight[0].view(2, 4).abs().amax(1)
    assert telling > 2 * nothing
    assert not network.speech.weight.requires_grad
