"""Training of the vertex animator on small data sets in the published layouts, and the use of its checkpoints."""

import csv
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
from sedtalker_cli.evaluation.animation.predictor import SequencePredictor, predict_sequence
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.model.vertex_encoder import encoder_for
from sedtalker_cli.training.parallel import Team
from sedtalker_cli.training.precision import precision
from sedtalker_cli.training.vertex_animator.batches import Talking, epoch_batches, evenly, prefetch
from sedtalker_cli.training.vertex_animator.description import class_map
from sedtalker_cli.training.vertex_animator.run import train_vertices
from sedtalker_cli.training.vertex_animator.settings import (
    VertexTraining,
    merge_settings,
    parse_assignments,
    preset_names,
    read_preset,
)
from tests.conftest import ROOT
from tests.data.talking_sets import TRAIN, biwi, emovoca, wave

SIZES = {"d_model": 16, "layout": "ma", "window": 4, "num_heads": 2, "d_state": 2, "emotion_dim": 4, "subject_dim": 2}
SIZES |= {"dropout": 0.0}
CONFIG = "epochs = 2\nbatch = 2\nmax_frames = 12\nwarmup = 1\nlearning_rate = 5e-3\nema = 0.5\n\n[network]\n" + "".join(
    f"{name} = {json.dumps(value)}\n" for name, value in SIZES.items()
)


def silent(*_):
    pass


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
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


def settings_of(data, out, **changes) -> VertexTraining:
    values = {"datasets": [f"emovoca={data / 'emovoca'}"], "out": str(out), "encoder": str(data / "encoder")}
    values |= {"epochs": 2, "batch": 2, "max_frames": 12, "warmup": 1, "learning_rate": 5e-3, "ema": 0.5}
    values |= {"cache": str(data / "cache")}
    return merge_settings([("test", {**values, "network": SIZES, **changes})])


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """(settings, lines, best) of a run that nobody disturbed."""
    settings, lines = settings_of(data, tmp_path_factory.mktemp("run") / "run"), []
    return settings, lines, train_vertices(settings, lines.append, silent)


def rows_of(out) -> list[dict[str, str]]:
    with (Path(out) / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def call(*arguments):
    """The command in this process."""
    from typer.testing import CliRunner

    from sedtalker_cli.cli.app import app

    return CliRunner().invoke(app, [str(part) for part in arguments])


# --- whole runs


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


# --- the command


def test_commands_train_and_evaluate(data, tmp_path):
    run, chosen = tmp_path / "run", ["--dataset", f"emovoca={data / 'emovoca'}", "--encoder", data / "encoder"]
    options = ["--config", data / "tiny.toml", "--cache", data / "cache", "--epochs", 1, "--set", "network.d_model=8"]
    films = ["--samples", 1, "--head", ply(data)]
    result = call("train", "animator", *chosen, *options, *films, "--out", run)
    assert result.exit_code == 0 and "wrote" in result.output, result.output
    assert len(list((run / "samples").glob("*-epoch0001.mp4"))) == 1
    assert VertexAnimator.load(run / "checkpoint").network.backbone.project.out_features == 8
    for number, extra in enumerate(([], ["--predictions", tmp_path / "predicted"])):
        out = ["--model", run / "checkpoint", "--out", tmp_path / f"report{number}", "--quiet"]
        result = call("evaluate", "animation", *chosen, *out, *extra)
        assert result.exit_code == 0, result.output
    first, second = (json.loads((tmp_path / f"report{k}" / "report.json").read_text())["overall"] for k in (0, 1))
    assert first == second and len(list((tmp_path / "predicted").glob("*.npy"))) == 6
    sidecar = json.loads(next((tmp_path / "predicted").glob("*.json")).read_text())
    assert sidecar["topology"] == "flame" and sidecar["fps"] == 30
    again = call("evaluate", "animation", *chosen, *out, *extra)
    assert again.exit_code == 2 and "exists already; name a new folder" in again.output


@pytest.fixture
def vertex_pipeline(data, finished, monkeypatch):
    """Fake diarizer, real vertex animator with its own encoder."""
    from dataclasses import replace

    from sedtalker_cli import pipeline
    from sedtalker_cli.model.options import ModelOptions
    from tests.conftest import FakeDiarizer, FakeEncoder

    def load(options=None, **changes):
        options = replace(options or ModelOptions(), **changes)

        def model():
            return VertexAnimator.load(options.animator)

        return pipeline.Pipeline(FakeEncoder(), FakeDiarizer(), model, "cpu", options.animator_encoder)

    monkeypatch.setattr(pipeline.Pipeline, "load", staticmethod(load))
    monkeypatch.setattr("sedtalker_cli.model.weights.known_emotions", lambda diarizer=None: FakeDiarizer.classes)
    return Path(finished[0].out) / "checkpoint"


@pytest.mark.parametrize("option", ["--model", "--animator"])
def test_animate_takes_a_vertex_checkpoint(vertex_pipeline, data, sound, tmp_path, option):
    fixed = ["animate", sound, option, vertex_pipeline, "--head", ply(data), "--animator-encoder", data / "encoder"]
    result = call(*fixed, "--fps", 60, "--emotion-override", "happy:0.8", "--export", "pc2", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    made = {path.name for path in tmp_path.iterdir() if path.is_file() and path != sound}
    endings = ("npy", "json", "faces.npy", "rttm", "emotion.csv", "pc2", "neutral.obj")
    assert made == {f"speech.{ending}" for ending in endings}
    vertices, facts = np.load(tmp_path / "speech.npy"), json.loads((tmp_path / "speech.json").read_text())
    assert vertices.shape == (90, 5023, 3) and facts["topology"] == "flame" and "weights_file" not in facts
    rest = read_talking("emovoca", data / "emovoca").sequences[0].template
    assert 0 < np.abs(vertices - rest).max() < 0.05
    result = call("render", tmp_path / "speech.npy", "--sheet", "--frames", 2, "--out", tmp_path / "films")
    assert result.exit_code == 0, result.output


def test_template_in_millimetres_moves_alike(vertex_pipeline, data, sound):
    """The head is read in metres whatever its file holds; the network speaks its data set's units."""
    from dataclasses import replace

    from sedtalker_cli.audio.reading import stream_audio
    from sedtalker_cli.face.heads import cached_head
    from sedtalker_cli.motion.options import AnimateOptions
    from sedtalker_cli.motion.vertex_animation import animate_vertices
    from sedtalker_cli.pipeline import Pipeline

    pipeline = Pipeline.load(animator=vertex_pipeline, animator_encoder=data / "encoder")
    found, head = pipeline.diarize(sound), cached_head(None, ply(data))
    features = pipeline.animator_encoder.encode(stream_audio(sound))

    def animate(head):
        heard = replace(found, features=features)
        return animate_vertices(pipeline.animator, heard, head, AnimateOptions()).vertices

    near = animate(head)
    far = animate(replace(head, neutral=head.neutral * np.float32(1000)))
    np.testing.assert_allclose(far / 1000, near, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "makes vertices of flame (5023 vertices); name a template of it with --head"),
        (["--head", "PLY", "--html"], "--html: needs ARKit shapes"),
        (["--head", "PLY", "--export", "glb"], "--export glb: needs ARKit shapes"),
        (["--head", "PLY", "--lip-gain", "2"], "--lip-gain: needs ARKit shapes"),
        (["--head", "PLY", "--identity", "anna"], "is for the built-in head"),
    ],
)
def test_what_a_vertex_animator_cannot_do_is_said_first(vertex_pipeline, data, sound, tmp_path, arguments, named):
    arguments = [ply(data) if part == "PLY" else part for part in arguments]
    result = call("animate", sound, "--animator", vertex_pipeline, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2 and named in result.output and not (tmp_path / "out").exists()


def ply(data):
    """A template file of the data set's first face."""
    import trimesh

    path, rest = data / "flame.ply", read_talking("emovoca", data / "emovoca").sequences[0].template
    if not path.is_file():
        faces = np.stack([np.arange(5021), np.arange(1, 5022), np.arange(2, 5023)], axis=1)
        trimesh.Trimesh(rest, faces, process=False).export(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--preset", "huge"], "must be one of base, laptop, paper"),
        (["--set", "warmupp=3"], "did you mean warmup?"),
        (["--set", "epochs=few"], "epochs is 'few', expected a whole number"),
        (["--set", "epochs"], "should be KEY=VALUE"),
        (["--draws", "3"], "--draws is for --capture"),
        (["--emotions", "hapy"], "no data set has hapy; there are happy, sad"),
        (["--samples", "1"], "name it with --head"),
        (["--precision", "f8"], "must be one of auto, fp32"),
        (["--scan-backend", "mamba-ssm"], "its kernels need CUDA"),
        (["--set", "network.layout=xyz"], "only 'm' (Mamba) and 'a' (attention)"),
        (["--set", "network.num_heads=0"], "[network] is invalid: integer division or modulo by zero"),
        (["--set", "network.d_model=10"], "[network] is invalid"),
        (["--set", "network.window=0"], "[network] is invalid"),
        (["--set", "network.d_model=99999999"], "[network] is invalid: d_model is 99999999"),
        (["--set", "network=5"], "network is 5, expected sizes, e.g. network.d_model=256"),
        (["--set", "network.rank=3"], "unknown size; the hybrid backbone has"),
        (["--set", "network.backbone=rnn"], "must be one of hybrid, paper"),
        (["--capture", "grid=PATH"], "give either --dataset NAME=PATH or --capture SOURCE=PATH"),
        (["--dataset", "voca=PATH"], "should be NAME=PATH with NAME one of"),
    ],
)
def test_wrong_usage_is_one_line(data, tmp_path, arguments, named):
    fixed = ["train", "animator", "--dataset", f"emovoca={data / 'emovoca'}", "--encoder", data / "encoder"]
    fixed += ["--config", data / "tiny.toml", "--out", tmp_path, *arguments]
    result = call(*fixed)
    assert result.exit_code == 2, result.output
    errors = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and named in errors[0] and "Traceback" not in result.output


def test_wrong_configuration_file_is_named(data, tmp_path):
    from sedtalker_cli.training.vertex_animator.settings import read_toml

    path = tmp_path / "my.toml"
    path.write_text("epochs = = 3\n")
    with pytest.raises(InputError, match=r"my\.toml: is not TOML \(.*line 1"):
        read_toml(path)


def test_tensorboard_that_is_not_there_is_named(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"pip install \"sedtalker\[tensorboard\]\""):
        train_vertices(settings_of(data, tmp_path, tensorboard=True), silent, silent)


def test_tensorboard_gets_losses_and_scores(data, tmp_path, monkeypatch):
    import types

    told = []

    class Writer:
        def __init__(self, folder, purge_step):
            told.append((folder, purge_step))

        def add_scalar(self, name, value, epoch):
            told.append((name, value, epoch))

        def close(self):
            told.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=Writer))
    train_vertices(settings_of(data, tmp_path, tensorboard=True, epochs=1), silent, silent)
    row = rows_of(tmp_path)[0]
    assert told[0] == (str(tmp_path / "tensorboard"), 1) and told[-1] == "closed"
    assert ("loss/vertices", float(row["loss_vertices"]), 1) in told and ("score", float(row["score"]), 1) in told


# --- settings


def test_later_layers_win_and_sizes_of_another_backbone_are_dropped():
    settings = merge_settings(
        [
            ("preset", read_preset("base")),
            ("file", {"batch": 3, "network": {"d_model": 64}}),
            ("--set", parse_assignments(["network.window=5", "clip=2", "emotions=['sad']", "encoder=facebook/x"])),
        ]
    )
    assert (settings.batch, settings.clip, settings.emotions, settings.encoder) == (3, 2.0, ("sad",), "facebook/x")
    assert settings.network == {"backbone": "hybrid", "d_model": 64, "layout": "mamama", "window": 5}
    other = merge_settings([("preset", read_preset("base")), ("--set", parse_assignments(["network.backbone=paper"]))])
    assert other.network == {"backbone": "paper"}


@pytest.mark.parametrize("name", ["base", "laptop", "paper"])
def test_presets_are_settings(name):
    assert name in preset_names()
    assert merge_settings([("preset", read_preset(name))]).network["backbone"] in ("hybrid", "paper")


def test_diarizers_emotions_all_have_a_class():
    classes = ("angry", "disgust", "fear", "happy", "neutral", "sad", "upset")
    assert class_map(classes) == {"surprise": "happy"}
    assert set(class_map(("neutral",)).values()) == {"neutral"}


# --- batches


class Store:
    """Features that tell their frame."""

    def __call__(self, audio):
        return torch.arange(30.0).view(-1, 1, 1)


def talking(data) -> Talking:
    return Talking(read_talking("emovoca", data / "emovoca"), Store(), ["happy", "neutral", "sad"], ["anyone", TRAIN])


def test_batches_hold_what_the_recordings_say(data):
    ready = talking(data)
    stretches = ready.stretches(np.random.default_rng(0), 9, 0.0)
    assert all(s.frames == 9 and 0 <= s.start <= 6 and s.subject_known for s in stretches) and len(stretches) == 6
    shorter = stretches[1]._replace(frames=4, subject_known=False)
    batch = ready.batch([stretches[0], shorter])
    first, second = (ready.dataset.sequences[s.sequence] for s in (stretches[0], shorter))
    assert batch["mask"].sum(1).tolist() == [9, 4] and batch["subject"].tolist() == [1, 0]
    start = shorter.start
    np.testing.assert_array_equal(batch["vertices"][1, :4], second.vertices[start : start + 4])
    assert batch["posteriors"][0].argmax(-1).unique().tolist() == [["happy", "neutral", "sad"].index(first.emotion)]
    assert batch["intensity"][0].unique().item() == pytest.approx(first.intensity)
    # Motion frame k is at k / 30 s, encoder frame j at (j + 0.5) / 50 s.
    wanted = np.clip((stretches[0].start + np.arange(9)) / 30 * 50 - 0.5, 0, 29)
    np.testing.assert_allclose(batch["features"][0, :, 0, 0], wanted, atol=1e-5)


def test_lips_without_a_region_are_the_liveliest_vertices(data):
    from dataclasses import replace

    dataset = replace(read_talking("emovoca", data / "emovoca"), regions={})
    found = Talking(dataset, Store(), ["happy", "neutral", "sad"], ["anyone"])
    assert not found.lips_known and set(found.lips) <= set(range(300))  # those swing
    assert len(found.lips) == 251


def test_the_lips_are_those_of_the_evaluation(data):
    from dataclasses import replace

    from sedtalker_cli.evaluation.animation.pairs import masks_of

    regions = {"lips": np.arange(9), "lve": np.arange(5), "fdd": np.arange(3)}
    dataset = replace(read_talking("emovoca", data / "emovoca"), regions=regions)
    found = Talking(dataset, Store(), ["happy", "neutral", "sad"], ["anyone"])
    assert np.array_equal(found.lips, masks_of(regions, "").lips)


def test_samples_show_the_face_that_speaks(finished, data, tmp_path, monkeypatch):
    """In its data set's units, where the camera then stands, too."""
    from sedtalker_cli.render import film
    from sedtalker_cli.training.vertex_animator.monitor import Monitor

    ready, shown = talking(data), []
    ready.store = lambda audio: torch.zeros(25, 2, 8)
    monkeypatch.setattr(film, "render_film", lambda vertices, head, *_, **__: shown.append((vertices, head)))
    settings = settings_of(data, tmp_path, samples=1, head=str(ply(data)))
    model = VertexAnimator.load(Path(finished[0].out) / "checkpoint")
    Monitor(tmp_path, settings, [ready], True, 0).film(1, model)
    ((vertices, head),) = shown
    rest = ready.dataset.sequences[evenly(ready.val, 1)[0]].template
    assert np.array_equal(head.neutral, rest) and vertices.shape[1:] == rest.shape


def test_epoch_has_every_recording_once_in_batches_of_one_data_set(data):
    ready = talking(data)
    plans = epoch_batches([ready, ready], 4, np.random.default_rng(1), 0, 0.2)
    for number in (0, 1):
        drawn = [s.sequence for n, batch in plans if n == number for s in batch]
        assert sorted(drawn) == ready.train
    assert {len(batch) for _, batch in plans} == {4, 2}
    assert sum(len(batch) for _, batch in epoch_batches([ready, ready], 4, np.random.default_rng(1), 0, 0.2, 4)) == 4
    same, other = (epoch_batches([ready], 4, np.random.default_rng(seed), 6, 0.2) for seed in (1, 2))
    assert same == epoch_batches([ready], 4, np.random.default_rng(1), 6, 0.2) and same != other


def test_prefetch_keeps_the_order_and_passes_errors_on():
    assert list(prefetch(lambda k: {"twice": 2 * k}, range(5))) == [(k, {"twice": 2 * k}) for k in range(5)]

    def broken(k):
        raise InputError(f"{k}")

    with pytest.raises(InputError, match="0"):
        list(prefetch(broken, range(5)))


def test_evenly():
    assert evenly(range(10), 3) == [1, 5, 8] and evenly(range(3), 0) == [0, 1, 2] == evenly(range(3), 9)


def test_shares_of_a_team_are_all():
    shares = [Team(rank, 3, "cpu").share(range(10)) for rank in range(3)]
    assert sorted(k for share in shares for k in share) == list(range(10))


# --- the checkpoint in use


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
