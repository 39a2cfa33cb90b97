"""The commands that train and evaluate an animator of vertices, and animate with it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.vertex_animator import VertexAnimator
from sedtalker_cli.training.vertex_animator.run import train_vertices
from tests.commands import invoke
from tests.training.vertex_animator.runs import ply, rows_of, settings_of, silent


def test_commands_train_and_evaluate(data, tmp_path):
    run, chosen = tmp_path / "run", ["--dataset", f"emovoca={data / 'emovoca'}", "--encoder", data / "encoder"]
    options = ["--config", data / "tiny.toml", "--cache", data / "cache", "--epochs", 1, "--set", "network.d_model=8"]
    films = ["--samples", 1, "--head", ply(data)]
    result = invoke("train", "animator", *chosen, *options, *films, "--out", run)
    assert result.exit_code == 0 and "wrote" in result.output, result.output
    assert len(list((run / "samples").glob("*-epoch0001.mp4"))) == 1
    assert VertexAnimator.load(run / "checkpoint").network.backbone.project.out_features == 8
    for number, extra in enumerate(([], ["--predictions", tmp_path / "predicted"])):
        out = ["--model", run / "checkpoint", "--out", tmp_path / f"report{number}", "--quiet"]
        result = invoke("evaluate", "animation", *chosen, *out, *extra)
        assert result.exit_code == 0, result.output
    first, second = (json.loads((tmp_path / f"report{k}" / "report.json").read_text())["overall"] for k in (0, 1))
    assert first == second and len(list((tmp_path / "predicted").glob("*.npy"))) == 6
    sidecar = json.loads(next((tmp_path / "predicted").glob("*.json")).read_text())
    assert sidecar["topology"] == "flame" and sidecar["fps"] == 30
    again = invoke("evaluate", "animation", *chosen, *out, *extra)
    assert again.exit_code == 2 and "already exist; move it away, or use --overwrite" in again.output
    out[3] = tmp_path / "report2"
    again = invoke("evaluate", "animation", *chosen, *out, *extra)
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
    result = invoke(*fixed, "--fps", 60, "--emotion-override", "happy:0.8", "--export", "pc2", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    made = {path.name for path in tmp_path.iterdir() if path.is_file() and path != sound}
    endings = ("npy", "json", "faces.npy", "rttm", "emotion.csv", "pc2", "neutral.obj")
    assert made == {f"speech.{ending}" for ending in endings}
    vertices, facts = np.load(tmp_path / "speech.npy"), json.loads((tmp_path / "speech.json").read_text())
    assert vertices.shape == (90, 5023, 3) and facts["topology"] == "flame" and "weights_file" not in facts
    rest = read_talking("emovoca", data / "emovoca").sequences[0].template
    assert 0 < np.abs(vertices - rest).max() < 0.05
    result = invoke("render", tmp_path / "speech.npy", "--sheet", "--frames", 2, "--out", tmp_path / "films")
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
    result = invoke("animate", sound, "--animator", vertex_pipeline, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2 and named in result.output and not (tmp_path / "out").exists()


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
    result = invoke(*fixed)
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
