"""Runs of the animator of vertices: they learn, resume to the same bytes, and end by themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.animation.predictor import SequencePredictor
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.model.vertex_encoder import encoder_for
from sedtalker_cli.training.precision import precision
from sedtalker_cli.training.vertex_animator.run import train_vertices
from tests.conftest import ROOT
from tests.data.talking_sets import TRAIN, emovoca, wave
from tests.training.vertex_animator.runs import SIZES, rows_of, settings_of, silent


class Killed(Exception):
    """Stands for the end of the process."""


def test_run_learns_and_says_what_it_is(finished, data):
    settings, lines, best = finished
    rows = rows_of(settings.out)
    assert float(rows[1]["loss_vertices"]) < float(rows[0]["loss_vertices"])
    assert best["score"] < 1  # better than a still face
    config = json.loads((Path(settings.out) / "checkpoint" / "config.json").read_text())
    assert config["classes"] == ["happy", "neutral", "sad"] and config["subjects"] == ["anyone", TRAIN]
    assert config["topologies"]["flame"]["vertices"] == 5023 and config["topologies"]["flame"]["fps"] == 30
    assert config["class_map"]["surprise"] == "happy" and config["class_map"]["fear"] == "neutral"
    assert config["encoder"]["name"] == "encoder" and str(data) not in json.dumps(config)
    assert any("0.24 (flame) M of heads" in line or "0.26 (flame) M of heads" in line for line in lines)


def test_interrupted_run_ends_like_an_uninterrupted_one(finished, data, tmp_path):
    """Killed while encoding, in the middle of an epoch, and between an epoch's end and its record."""
    settings, _, best = finished

    def kill_at(stage, number):
        def progress(what, done, total):
            if what.startswith(stage) and done == number:
                raise Killed

        return progress

    def kill_log(text):
        if text.startswith("epoch 2:"):
            raise Killed

    again = settings_of(data, tmp_path / "run", cache=str(tmp_path / "cache"))
    steps = [(silent, kill_at("encoding", 1)), (silent, kill_at("epoch 1", 2)), (kill_log, silent)]
    for log, progress in [*steps, (silent, kill_at("epoch 2", 1))]:
        with pytest.raises(Killed):
            train_vertices(again, log, progress)
    lines = []
    assert train_vertices(again, lines.append, silent) == best
    assert "resumed after epoch 1" in lines and rows_of(again.out) == rows_of(settings.out)
    for name in ("config.json", "model.safetensors"):
        first, second = ((Path(s.out) / "checkpoint" / name).read_bytes() for s in (settings, again))
        assert first == second, name


def test_finished_run_is_left_alone_and_others_are_refused(finished, data):
    settings, _, best = finished
    lines = []
    assert train_vertices(settings, lines.append, silent) == best and not any("epoch 1:" in line for line in lines)
    for change, named in (
        ({"epochs": 3}, "epochs 2 -> 3"),
        ({"network": {**SIZES, "d_model": 32}}, "network d_model 16 -> 32"),
        ({"emotions": ["happy"]}, "emotions"),
    ):
        with pytest.raises(UsageError, match=named):
            train_vertices(settings_of(data, settings.out, **change), silent, silent)


def test_several_data_sets_share_a_backbone(data, tmp_path):
    sets = [f"emovoca={data / 'emovoca'}", f"biwi={data / 'biwi'}"]
    settings = settings_of(data, tmp_path, datasets=sets, epochs=1)
    train_vertices(settings, silent, silent)
    model = VertexAnimator.load(tmp_path / "checkpoint")
    assert {name: facts["fps"] for name, facts in model.topologies.items()} == {"flame": 30, "biwi-3895": 25}
    predict = SequencePredictor(model, encoder_for(model, data / "encoder"))
    for name in ("emovoca", "biwi"):
        sequence = read_talking(name, data / name).of("val")[0]
        assert predict(sequence).shape == sequence.vertices.shape
    row = rows_of(tmp_path)[0]
    assert {"emovoca_lve", "biwi_lve", "emovoca_mve", "biwi_mve", "score"} <= set(row)


def test_no_better_score_ends_a_run(data, tmp_path):
    """A learning rate of 0 never gets better than a still face."""
    lines = []
    settings = settings_of(data, tmp_path, learning_rate=0.0, patience=2, epochs=9)
    train_vertices(settings, lines.append, silent)
    assert len(rows_of(tmp_path)) == 3 and any("stopped after epoch 3" in line for line in lines)
    assert float(rows_of(tmp_path)[0]["score"]) == pytest.approx(1)
    train_vertices(settings, silent, silent)
    assert len(rows_of(tmp_path)) == 3


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_half_precision_learns_about_the_same(finished, data, tmp_path, name):
    settings, _, _ = finished
    train_vertices(settings_of(data, tmp_path, precision=name), silent, silent)
    for row, wanted in zip(rows_of(tmp_path), rows_of(settings.out), strict=True):
        assert float(row["loss_vertices"]) == pytest.approx(float(wanted["loss_vertices"]), rel=0.02)


def test_a_run_may_go_on_in_another_precision(data, tmp_path):
    """Only fp16 has a scaler whose state is kept."""

    def kill(text):
        if text.startswith("epoch 2:"):
            raise Killed

    settings = settings_of(data, tmp_path)
    with pytest.raises(Killed):
        train_vertices(settings, kill, silent)
    best = train_vertices(settings_of(data, tmp_path, precision="fp16"), silent, silent)
    assert len(rows_of(tmp_path)) == 2 and best["score"] < 1


def test_scaler_of_a_process_without_recordings():
    """The first batch may be too small to give every process one."""
    _, scaler = precision("fp16", "cpu")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], 0.1)
    optimizer.param_groups[0]["params"][0].grad = torch.ones(2)
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()


def test_vertices_that_are_no_numbers_are_named(data, tmp_path):
    root = emovoca(tmp_path / "emovoca", expressions=("Sad1",), frames=30)
    path = root / "sequences" / f"{TRAIN}_sentence21_Sad1_2.npy"
    vertices = np.load(path)
    vertices[20, 7] = np.nan
    np.save(path, vertices)
    with pytest.raises(InputError, match=r"Sad1_2\.npy: holds values that are not finite"):
        train_vertices(settings_of(data, tmp_path / "run", datasets=[f"emovoca={root}"]), silent, silent)


def test_one_topology_has_one_frame_rate(data, tmp_path):
    root = emovoca(tmp_path / "slow", expressions=("Sad1",), frames=30)
    for path in (root / "wav").glob("*.wav"):
        wave(path, 30 / 25)
    sets = [f"emovoca={data / 'emovoca'}", f"emovoca@25={root}"]
    with pytest.raises(InputError, match=r"slow: topology flame has 25 frames a second here, but 30 "):
        train_vertices(settings_of(data, tmp_path / "run", datasets=sets), silent, silent)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(finished, data, tmp_path):
    """`torchrun` over gloo: losses and scores to 0.1 %."""
    settings, _, _ = finished
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "sedtalker_cli", "train", "animator", "--dataset", f"emovoca={data / 'emovoca'}", "--out"]
    command += [tmp_path, "--encoder", data / "encoder", "--config", data / "tiny.toml", "--cache", data / "cache"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(map(str, command), env=env, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("epoch 1:") == 1
    for row, wanted in zip(rows_of(tmp_path), rows_of(settings.out), strict=True):
        for name, value in wanted.items():
            assert float(row[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-12), name
