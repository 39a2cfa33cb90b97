"""Data sets of a few frames, and a run that is finished, for all tests of this folder."""

import pytest
import torch

from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.training.vertex_animator.run import train_vertices
from tests.data.talking_sets import biwi, emovoca
from tests.training.vertex_animator.runs import CONFIG, settings_of, silent


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A tiny encoder, EmoVOCA and BIWI with few frames, a configuration."""
    root = tmp_path_factory.mktemp("talking")
    torch.manual_seed(0)
    whisper = {"d_model": 8, "encoder_attention_heads": 1, "encoder_ffn_dim": 16, "max_source_positions": 1500}
    config = {"type": "encoder", "num_layers": 2, "taps": [1, 2], "whisper": whisper | {"num_mel_bins": 80}}
    layers = WhisperLayers(2, (1, 2), **config["whisper"])
    save_checkpoint(root / "encoder", layers.state_dict(), {**config, "window": {"length": 4.0, "overlap": 0.5}})
    emovoca(root / "emovoca", frames=30)
    biwi(root / "biwi", ("F2_e01", "F2_02", "M5_e34"), vertices=3895, frames=20)
    (root / "tiny.toml").write_text(CONFIG)
    return root


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """(settings, lines, best) of a run that nobody disturbed."""
    settings, lines = settings_of(data, tmp_path_factory.mktemp("run") / "run"), []
    return settings, lines, train_vertices(settings, lines.append, silent)
