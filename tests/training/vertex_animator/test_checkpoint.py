"""A trained animator of vertices in use, and checkpoints that cannot be used."""

import json
from pathlib import Path

import pytest
import torch

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.animation.predictor import predict_sequence
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.model.vertex_encoder import encoder_for


def test_prediction_does_not_depend_on_who_else_spoke(finished, data):
    settings, _, _ = finished
    model = VertexAnimator.load(Path(settings.out) / "checkpoint")
    encoder = encoder_for(model, data / "encoder")
    sequence = read_talking("emovoca", data / "emovoca").of("test")[0]
    features = torch.randn(25, 2, 8, generator=torch.Generator().manual_seed(0))
    found = predict_sequence(model, features, sequence)
    assert found.shape == sequence.vertices.shape and encoder.dim == 8
    with pytest.raises(UsageError, match="trained with the encoder in a folder 'encoder'; name it with --encoder"):
        encoder_for(model)


@pytest.mark.parametrize(
    "change",
    [
        {"topologies": {"flame": {"vertices": -3, "fps": 30, "extent": 1}}},
        {"topologies": {"flame": {"vertices": 5023}}},
        {"topologies": 5},
        {"subjects": ["anyone", "anyone"]},
        {"network": {"backbone": "hybrid", "num_taps": 2, "dim": 8, "d_model": 10**9}},
        {"network": {"backbone": "rnn", "num_taps": 2, "dim": 8}},
        {"encoder": None, "classes": ["happy"]},
    ],
)
def test_checkpoint_that_describes_no_network_is_named(finished, tmp_path, change):
    folder = Path(finished[0].out) / "checkpoint"
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match=r"config\.json") as error:
        VertexAnimator.load(tmp_path)
    assert "\n" not in str(error.value)


def test_another_encoder_is_refused(finished, data, tmp_path):
    settings, _, _ = finished
    model = VertexAnimator.load(Path(settings.out) / "checkpoint")
    config = json.loads((data / "encoder" / "config.json").read_text())
    torch.manual_seed(5)
    layers = WhisperLayers(config["num_layers"], tuple(config["taps"]), **config["whisper"])
    save_checkpoint(tmp_path, layers.state_dict(), config)
    with pytest.raises(UsageError, match="was trained with another one"):
        encoder_for(model, tmp_path)
