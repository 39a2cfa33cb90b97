"""Checkpoints from elsewhere: damaged, foreign or malicious ones are one line, and nothing in them is executed."""

import json
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.animator_network import AnimatorNetwork
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.model.weights import known_emotions
from tests.hostile.fuzzing import damaged_bytes, damaged_value, fuzz, read_or_refuse
from tests.hostile.traps import Trap

CLASSES = ["angry", "happy", "neutral"]
DIARIZER = {"num_taps": 2, "dim": 8, "d_model": 8, "layout": "ma", "d_state": 2, "statistics": 3, "longest": 20}
ANIMATOR = {"num_taps": 2, "dim": 8, "d_model": 8, "layout": "ma", "d_state": 2, "emotion_dim": 4, "style_dim": 2}
WHISPER = {
    "d_model": 8,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "num_mel_bins": 80,
    "max_source_positions": 100,
}
CONFIGS = {
    "diarizer": {
        "type": "diarizer",
        "classes": CLASSES,
        "network": {
            **DIARIZER,
            "stride": 4,
            "window": 5,
            "prior_frames": 5,
            "members": 2,
            "directions": 6,
            "dropout": 0.1,
        },
        "temperature": [1.1, 0.9],
        "gate": {"stretches": 1, "variety": 1},
        "decoding": {"min_duration": 0.1, "switch_cost": 1.0},
        "training": {"corpora": ["emodb"]},
    },
    "animator": {
        "type": "animator",
        "classes": CLASSES,
        "styles": ["grid"],
        "class_map": {"calm": "neutral"},
        "network": {**ANIMATOR, "stride": 2, "window": 3, "outputs": 52, "dropout": 0.1},
    },
    "encoder": {
        "type": "encoder",
        "num_layers": 2,
        "taps": [1, 2],
        "whisper": WHISPER,
        "window": {"length": 1.0, "overlap": 0.2},
    },
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    """A tiny checkpoint of each kind."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    networks = {
        "diarizer": DiarizerNetwork(3, **CONFIGS["diarizer"]["network"]),
        "animator": AnimatorNetwork(tuple(CLASSES), ("grid",), **CONFIGS["animator"]["network"]),
        "encoder": WhisperLayers(2, (1, 2), **WHISPER),
    }
    for kind, network in networks.items():
        save_checkpoint(folder / kind, network.state_dict(), CONFIGS[kind])
    return folder


def use(folder: Path) -> None:
    """Load a checkpoint and let it work on one second."""
    if folder.name == "encoder":
        features = SpeechEncoder.load(folder).encode([np.zeros(16000, np.float32)])
        assert len(features) == 50 and features.isfinite().all()
        return
    features = torch.randn(50, 2, 8)
    if folder.name == "diarizer":
        diarizer = Diarizer.load(folder)
        for voice in (None, diarizer.voice(features)):
            posteriors, intensity = diarizer.predict(features, voice)
            assert np.isfinite(posteriors).all() and np.isfinite(intensity).all()
        known_emotions(folder)
    else:
        animator = Animator.load(folder)
        posteriors = animator.map_posteriors(np.full((50, 2), 0.5, np.float32), ("calm", "happy"))
        assert np.isfinite(animator.predict(features, posteriors, np.ones(50), 1.0, 30)).all()


@pytest.mark.parametrize("kind", CONFIGS)
def test_they_are_whole(checkpoints, kind):
    use(checkpoints / kind)


def copy_of(checkpoints: Path, kind: str, tmp_path_factory) -> Path:
    return Path(shutil.copytree(checkpoints / kind, tmp_path_factory.mktemp("fuzz") / kind))


@pytest.mark.parametrize("kind", CONFIGS)
@fuzz(60)
@given(data=st.data())
def test_configurations(checkpoints, tmp_path_factory, kind, data):
    folder = copy_of(checkpoints, kind, tmp_path_factory)
    text = json.dumps(CONFIGS[kind])
    changed = damaged_value(CONFIGS[kind]).map(lambda value: json.dumps(value).encode())
    (folder / "config.json").write_bytes(data.draw(changed | damaged_bytes(text.encode())))
    read_or_refuse(use, folder)


@fuzz(80)
@given(data=st.data())
def test_weights(checkpoints, tmp_path_factory, data):
    folder = copy_of(checkpoints, "diarizer", tmp_path_factory)
    content = (folder / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    head = json.loads(content[8 : 8 + size])

    def packed(value) -> bytes:
        text = json.dumps(value).encode()
        return struct.pack("<Q", len(text)) + text + content[8 + size :]

    (folder / "model.safetensors").write_bytes(data.draw(damaged_value(head).map(packed) | damaged_bytes(content)))
    read_or_refuse(use, folder)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("diarizer", lambda c: c["network"].update(d_model=60000)),
        ("diarizer", lambda c: c["network"].update(members=10**9)),
        ("diarizer", lambda c: c["network"].update(layout="m" * 10**6)),
        ("animator", lambda c: c["network"].update(outputs=51)),
        ("animator", lambda c: c.update(styles="grid")),
        ("animator", lambda c: c.update(classes=[["angry"], 2, 3])),
        ("encoder", lambda c: c.update(num_layers=10**6)),
        ("encoder", lambda c: c["whisper"].update(encoder_ffn_dim=65000)),
        ("encoder", lambda c: c.pop("taps")),
        ("encoder", lambda c: c["window"].update(overlap=1.0)),  # would never end
    ],
)
def test_absurd_sizes(checkpoints, tmp_path_factory, kind, change):
    folder = copy_of(checkpoints, kind, tmp_path_factory)
    config = json.loads(json.dumps(CONFIGS[kind]))
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=kind):
        use(folder)


@pytest.mark.parametrize("kind", CONFIGS)
def test_weights_that_are_not_finite(checkpoints, tmp_path_factory, kind):
    from safetensors.torch import load_file, save_file

    folder = copy_of(checkpoints, kind, tmp_path_factory)
    state = load_file(folder / "model.safetensors")
    next(t for t in state.values() if t.is_floating_point()).view(-1)[0] = float("nan")
    save_file(state, folder / "model.safetensors")
    with pytest.raises(InputError, match="not finite"):
        use(folder)


def test_a_pickled_encoder_of_transformers_is_not_run(tmp_path):
    """Hugging Face's older layout is a pickle; code beside it is not imported either."""
    trace, folder = tmp_path / "trace", tmp_path / "model"
    folder.mkdir()
    torch.save({"x": Trap(trace)}, folder / "pytorch_model.bin")
    (folder / "code.py").write_text(f"open({str(trace)!r}, 'w')\n")
    for config in (
        {"model_type": "wav2vec2", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2},
        {"model_type": "other", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}},
    ):
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(InputError, match=r"pickle that holds code|cannot be loaded as a speech encoder"):
            SpeechEncoder.load(folder)
    assert not trace.exists()


def test_a_pickled_state_of_training_is_not_run(tmp_path):
    from sedtalker_cli.training.state import load_state

    trace, path = tmp_path / "trace", tmp_path / "state.pt"
    torch.save({"settings": Trap(trace)}, path)
    for content in (path.read_bytes(), pickle.dumps(Trap(trace)), path.read_bytes()[:-300]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"state\.pt"):
            load_state(path, {})
    assert not trace.exists()
