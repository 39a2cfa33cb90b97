"""Checkpoints: what is written comes back, and what is wrong with a folder is said by name."""

import json
import os
import pickle
import stat

import pytest
import torch
from torch import nn

from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import checksum, load_config, load_network, load_state, save_checkpoint

CONFIG = {"type": "diarizer", "classes": ["neutral", "fröhlich"], "network": {"d_model": 16}, "temperature": 1.25}


def layer(seed=0, outputs=3) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, outputs), nn.BatchNorm1d(outputs))


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path / "model", layer().state_dict(), CONFIG)
    return tmp_path / "model"


def test_round_trip(folder):
    assert load_config(folder, "diarizer") == CONFIG
    expected, found = layer().state_dict(), load_state(folder)
    assert list(found) == sorted(expected) or set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype
    loaded = load_network(folder, lambda: layer(seed=1).train())
    assert not loaded.training
    x = torch.randn(5, 4)
    assert torch.equal(loaded(x), layer().eval()(x))


def test_half_precision_is_read_as_float32(tmp_path):
    tensor = torch.randn(3, 4)
    save_checkpoint(tmp_path, {"w": tensor.half(), "n": torch.tensor([7])}, {"type": "x"})
    state = load_state(tmp_path)
    assert state["w"].dtype == torch.float32 and torch.equal(state["w"], tensor.half().float())
    assert state["n"].dtype == torch.int64


def test_views_and_gradients_are_stored_as_plain_values(tmp_path):
    weight = torch.arange(12.0).view(3, 4).requires_grad_()
    save_checkpoint(tmp_path, {"transposed": weight.T, "part": weight[1:, ::2]}, {"type": "x"})
    state = load_state(tmp_path)
    assert torch.equal(state["transposed"], weight.detach().T) and torch.equal(state["part"], weight.detach()[1:, ::2])


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    save_checkpoint(tmp_path / "a" / "b", {"w": torch.zeros(1)}, {"type": "x"})
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["config.json", "model.safetensors"]
    assert json.loads((tmp_path / "a" / "b" / "config.json").read_text()) == {"type": "x"}


def test_writing_again_replaces(folder):
    save_checkpoint(folder, layer(seed=2).state_dict(), {**CONFIG, "temperature": 2.0})
    assert load_config(folder, "diarizer")["temperature"] == 2.0
    assert torch.equal(load_state(folder)["0.weight"], layer(seed=2).state_dict()["0.weight"])


def test_files_can_be_read_by_others(tmp_path):
    before = os.umask(0o022)
    try:
        save_checkpoint(tmp_path, {"w": torch.zeros(1)}, {"type": "x"})
    finally:
        os.umask(before)
    for name in ("config.json", "model.safetensors"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o644


def test_checksum_tells_contents_apart(tmp_path, folder):
    first = checksum(folder)
    assert len(first) == 64 and first == checksum(folder)
    save_checkpoint(tmp_path / "same", layer().state_dict(), CONFIG)
    assert checksum(tmp_path / "same") == first
    save_checkpoint(tmp_path / "config", layer().state_dict(), {**CONFIG, "temperature": 1.26})
    state = layer().state_dict()
    state["0.bias"] = state["0.bias"] + torch.tensor([0.0, 1e-6, 0.0])
    save_checkpoint(tmp_path / "weights", state, CONFIG)
    assert len({first, checksum(tmp_path / "config"), checksum(tmp_path / "weights")}) == 3


# --- what can be wrong


def refusal(call, *arguments) -> str:
    with pytest.raises(InputError) as error:
        call(*arguments)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_wrong_type(folder):
    message = refusal(load_config, folder, "animator")
    assert str(folder / "config.json") in message and "'diarizer'" in message and "animator" in message


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"classes": []}', "null", b"\xff\xfe{"])
def test_damaged_config(folder, text):
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert str(folder / "config.json") in refusal(load_config, folder, "diarizer")


def test_missing_folder_and_files(tmp_path, folder):
    assert str(tmp_path / "nowhere") in refusal(load_config, tmp_path / "nowhere", "diarizer")
    (folder / "config.json").unlink()
    assert "config.json" in refusal(load_config, folder, "diarizer")
    (folder / "model.safetensors").unlink()
    assert str(folder / "model.safetensors") in refusal(load_state, folder)


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights(folder, kept):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    assert str(path) in refusal(load_network, folder, layer)


class Trap:
    """Pickled code that would leave a trace if anybody ran it."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))


def test_pickle_under_the_name_of_weights_is_refused_and_not_run(tmp_path, folder):
    path, trace = folder / "model.safetensors", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Trap(trace)))
    assert str(path) in refusal(load_network, folder, layer)
    torch.save(layer().state_dict(), path)
    assert str(path) in refusal(load_network, folder, layer)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Trap(trace))).close()
    assert trace.exists()  # the trap does work


def test_weights_that_do_not_fit(folder):
    message = refusal(load_network, folder, lambda: layer(outputs=5))
    assert (str(folder) in message and "0.bias" in message) or "0.weight" in message
    assert "0.running" not in message


@pytest.mark.parametrize("change", ["missing", "more"])
def test_names_that_do_not_fit(folder, change):
    state = layer().state_dict()
    if change == "missing":
        del state["0.bias"]
    else:
        state["0.gain"] = torch.zeros(3)
    save_checkpoint(folder, state, CONFIG)
    message = refusal(load_network, folder, layer)
    assert str(folder) in message and ("0.bias" if change == "missing" else "0.gain") in message


@pytest.mark.parametrize("change", [{"network": {"layout": "xyz", "num_taps": 1, "dim": 4}}, {"network": {"no": 1}}])
def test_config_that_describes_no_network_is_one_line(tmp_path, change):
    from sedtalker_cli.model.diarizer import Diarizer

    save_checkpoint(tmp_path, {"x": torch.zeros(1)}, {"type": "diarizer", "classes": ["neutral"], **change})
    with pytest.raises(InputError, match=r"config\.json: does not describe a network"):
        Diarizer.load(tmp_path)
