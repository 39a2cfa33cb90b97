"""Training on made-up recordings: what a run writes, and that an interrupted one ends like an uninterrupted one."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sedtalker_cli.data.capture_sources import READERS
from sedtalker_cli.data.recordings import read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.evaluation.diarization.checkpoint import evaluate_checkpoint
from sedtalker_cli.evaluation.lipsync.animator import evaluate_lipsync
from sedtalker_cli.face.head import load_head
from sedtalker_cli.model.animator import Animator
from sedtalker_cli.model.checkpoint import checksum, save_checkpoint
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.whisper import WhisperLayers
from sedtalker_cli.training.animator.run import draws_key, train_animator
from sedtalker_cli.training.animator.settings import AnimatorTraining
from sedtalker_cli.training.data_marks import mark_corpora
from sedtalker_cli.training.diarizer.examples import encode_examples
from sedtalker_cli.training.diarizer.labels import known_classes
from sedtalker_cli.training.diarizer.run import train_diarizer
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.state import run_settings
from tests.data.grid import write_grid

TINY = {"d_model": 8, "layout": "ma", "window": 4, "d_state": 2}


def silent(*_):
    pass


class Killed(Exception):
    """Stands for the end of the process."""


def diarizer_settings(data: Path, out: Path, **changes) -> DiarizerTraining:
    usual = DiarizerTraining(
        corpora=(("ravdess", data / "ravdess"),),
        splits=data / "splits.csv",
        out=out,
        encoder=str(data / "encoder"),
        composites=16,
        steps=6,
        epochs=2,
        batch=8,
        network={**TINY, "members": 2, "directions": 8},
    )
    return replace(usual, **changes)


def animator_settings(data: Path, out: Path, **changes) -> AnimatorTraining:
    usual = AnimatorTraining(
        captures=(("grid", data / "grid"),),
        corpora=(("ravdess", data / "ravdess"),),
        splits=data / "splits.csv",
        out=out,
        encoder=str(data / "encoder"),
        draws=2,
        speech=2,
        still=2,
        epochs=2,
        batch=4,
        network={**TINY, "emotion_dim": 4, "style_dim": 2},
    )
    return replace(usual, **changes)


RUNS = {"diarizer": (train_diarizer, diarizer_settings), "animator": (train_animator, animator_settings)}


@pytest.fixture(scope="module", params=RUNS)
def finished(request, data, tmp_path_factory):
    """(trainer, settings, log, scores) of a run that nobody disturbed."""
    train, make = RUNS[request.param]
    settings, lines = make(data, tmp_path_factory.mktemp(request.param) / "run"), []
    return train, settings, lines, train(settings, lines.append, silent)


def rows_of(settings) -> list[dict[str, str]]:
    with (settings.out / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row.pop("seconds")) >= 0
    return rows


def tensors_of(value, name="") -> dict[str, torch.Tensor]:
    """All tensors and numbers of a nested state by their place."""
    if isinstance(value, dict):
        return {k: t for key, item in value.items() for k, t in tensors_of(item, f"{name}/{key}").items()}
    if isinstance(value, (list, tuple)):
        return {k: t for key, item in enumerate(value) for k, t in tensors_of(item, f"{name}/{key}").items()}
    return {name: torch.as_tensor(value)} if isinstance(value, (torch.Tensor, int, float)) else {}


# --- whole runs


def test_run_writes_log_and_checkpoint(finished, data):
    train, settings, lines, scores = finished
    rows = rows_of(settings)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(np.isfinite(float(value)) and len(value) < 12 for row in rows for value in row.values())
    assert sum(line.startswith("epoch ") for line in lines) == 2
    config = json.loads((settings.out / "checkpoint" / "config.json").read_text())
    assert config["classes"] == list(EMOTIONS) and config["encoder_sha256"] == checksum(data / "encoder")
    assert config["training"]["corpora"] == ["ravdess"] and config["training"]["epochs"] == 2
    assert str(data) not in json.dumps(config)  # no places of this disk
    features = torch.randn(30, 2, 16).half()
    if train is train_diarizer:
        assert 0 <= scores["macro_f1"] <= 1 and 0 <= scores["macro_f1_adapted"] <= 1
        model = Diarizer.load(settings.out / "checkpoint")
        assert set(model.decoding) == {"min_duration", "switch_cost"} and min(model.temperatures) > 0
        posteriors, _ = model.predict(features)
        np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
        # The corpus made here has four of RAVDESS's seven classes, but RAVDESS can tell them all.
        assert known_classes("ravdess").all()
        assert "directions" in config["network"] and len(config["temperature"]) == 2
    else:
        assert config["training"]["captures"] == ["grid"]
        model = Animator.load(settings.out / "checkpoint")
        assert model.styles[0] == "grid" and model.class_map["upset"] == "angry"
        rows = np.eye(7, dtype=np.float32)[np.full(30, 4)]
        assert model.predict(features, rows, np.zeros(30, np.float32), 0.6, 30).shape == (18, 52)


def test_interrupted_run_ends_like_an_uninterrupted_one(finished, tmp_path):
    """Killed while encoding, fitting, in the middle of an epoch, and between an epoch's end and its record."""
    train, settings, _, scores = finished
    again = replace(settings, out=tmp_path / "run")

    def kill_at(stage: str, number: int):
        def progress(what, done, total):
            if what.startswith(stage) and done == number:
                raise Killed

        return progress

    def kill_log(text):
        if text.startswith("epoch 2:"):
            raise Killed

    for log, progress in (
        (silent, kill_at("encoding", 2)),
        *([(silent, kill_at("statistics of known speakers, 2/2", 0))] if train is train_diarizer else []),
        (silent, kill_at("epoch 1", 2)),
        (kill_log, silent),
        (silent, kill_at("epoch 2", 1)),
    ):
        with pytest.raises(Killed):
            train(again, log, progress)
    lines = []
    assert train(again, lines.append, silent) == scores
    assert "resumed after epoch 1" in lines
    assert rows_of(again) == rows_of(settings)
    for name in ("config.json", "model.safetensors"):
        first, second = ((s.out / "checkpoint" / name).read_bytes() for s in (settings, again))
        assert first == second, name
    first, second = (
        tensors_of(torch.load(s.out / "state.pt", map_location="cpu", weights_only=True)) for s in (settings, again)
    )
    assert first.keys() == second.keys() and len(first) > 50
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_a_run_goes_on_from_an_older_state(finished, tmp_path):
    """Which held the best score alone, and no scaler."""
    train, settings, _, scores = finished
    again = replace(settings, out=tmp_path / "run")

    def kill_log(text):
        if text.startswith("epoch 2:"):
            raise Killed

    with pytest.raises(Killed):
        train(again, kill_log, silent)
    state = torch.load(again.out / "state.pt", weights_only=True)
    del state["scaler"]
    state["best"] = state["best"]["score"]
    torch.save(state, again.out / "state.pt")
    assert train(again, silent, silent) == scores
    first, second = (s.out / "checkpoint" / "model.safetensors" for s in (settings, again))
    assert first.read_bytes() == second.read_bytes()


def test_finished_run_is_left_alone(finished):
    train, settings, _, scores = finished
    before, lines = checksum(settings.out / "checkpoint"), []
    assert train(settings, lines.append, silent) == scores
    assert "resumed after epoch 2" in lines and not any(line.startswith("epoch") for line in lines)
    assert checksum(settings.out / "checkpoint") == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"network": {**TINY, "d_model": 16}}, "network d_model 8 -> 16"),
        ({"learning_rate": 0.5}, "learning_rate 0.001 -> 0.5"),
        ({"epochs": 3}, "epochs 2 -> 3"),
        ({"corpora": ()}, "corpora ['ravdess'] -> []"),
    ],
)
def test_run_does_not_go_on_with_other_settings(finished, change, named):
    train, settings, _, _ = finished
    before = (settings.out / "state.pt").read_bytes()
    with pytest.raises(UsageError) as error:
        train(replace(settings, **change), silent, silent)
    message = str(error.value)
    assert named in message and str(settings.out) in message and "\n" not in message
    assert (settings.out / "state.pt").read_bytes() == before


def test_run_does_not_go_on_with_other_data(finished, data, tmp_path):
    """The same names and sizes with another sound, or another label; the same files elsewhere are the same."""
    train, settings, _, _ = finished
    shutil.copytree(data / "ravdess", tmp_path / "ravdess")
    shutil.copytree(data / "grid", tmp_path / "grid")
    corpora = (("ravdess", tmp_path / "ravdess"),)
    assert mark_corpora(corpora) == mark_corpora(settings.corpora)
    sound = min((tmp_path / "ravdess").rglob("*.wav"))
    content = sound.read_bytes()
    sound.write_bytes(content[:-9] + bytes(9))
    with pytest.raises(UsageError, match=r"other settings \(data of corpus ravdess\)"):
        train(replace(settings, corpora=corpora), silent, silent)
    sound.write_bytes(content)
    parts = sound.stem.split("-")  # the third says the emotion
    label = "05" if parts[2] != "05" else "03"
    sound.rename(sound.with_name("-".join([*parts[:2], label, *parts[3:]]) + ".wav"))
    with pytest.raises(UsageError, match=r"other settings \(data of corpus ravdess\)"):
        train(replace(settings, corpora=corpora), silent, silent)
    if train is train_animator:
        sound = min((tmp_path / "grid").glob("*.ogg"))
        sound.write_bytes(sound.read_bytes() + b"x")
        with pytest.raises(UsageError, match=r"other settings \(data of capture grid\)"):
            train(replace(settings, captures=(("grid", tmp_path / "grid"),)), silent, silent)


def test_runs_that_share_a_cache_keep_their_examples(data, tmp_path):
    """Draws are named by all that they depend on, and by nothing else."""
    settings = animator_settings(data, tmp_path / "run")
    encoder = SpeechEncoder.load(settings.encoder)

    def key(marks: str = "1", **changes) -> str:
        return draws_key(run_settings(replace(settings, **changes), encoder) | {"data of corpus ravdess": marks})

    learning = {"epochs": 9, "batch": 2, "learning_rate": 0.1, "network": {}, "draws": 5, "out": tmp_path / "x"}
    assert {key(**{name: value}) for name, value in learning.items()} == {key()}
    drawn = {"seed": 1, "speech": 3, "still": 3, "learn_captures": False, "splits": None, "phones": (tmp_path,)}
    keys = [key(), key("2"), *(key(**{name: value}) for name, value in drawn.items())]
    assert len(set(keys)) == len(keys)


def test_run_does_not_go_on_with_other_splits_or_folds(data, tmp_path):
    settings = diarizer_settings(data, tmp_path / "run")
    train_diarizer(settings, silent, silent)
    before = (settings.out / "state.pt").read_bytes()
    other = tmp_path / "other.csv"
    other.write_text((data / "splits.csv").read_text() + "ravdess/more,test\n")
    for change, named in (
        ({"splits": other}, "splits "),
        ({"splits": None}, "splits "),
        ({"fold": 1, "splits": None}, "fold None -> 1"),
        ({"leave_out": "emodb"}, "leave_out None -> emodb"),
    ):
        with pytest.raises(UsageError, match=named):
            train_diarizer(replace(settings, **change), silent, silent)
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        train_diarizer(replace(settings, splits=tmp_path / "nowhere.csv"), silent, silent)
    assert (settings.out / "state.pt").read_bytes() == before
    copy = tmp_path / "copy.csv"
    copy.write_bytes((data / "splits.csv").read_bytes())  # the same table at another place
    lines = []
    train_diarizer(replace(settings, splits=copy), lines.append, silent)
    assert "resumed after epoch 2" in lines


def test_split_does_not_follow_the_seed_of_training(data, tmp_path):
    """Without a table, training keeps apart those speakers whom evaluation tests, whatever its seed."""
    encoder = SpeechEncoder.load(data / "encoder")
    corpora = (("ravdess", data / "ravdess"),)
    tested = {u.speaker for u in read_corpora(corpora, None) if u.split == "test"}
    assert len(tested) == 1
    for seed in range(2):
        settings = diarizer_settings(data, tmp_path / str(seed), splits=None, seed=seed, copies=0, composites=8)
        examples = encode_examples(settings, encoder, silent, silent)
        assert examples.speakers("test") == {f"ravdess/{name}" for name in tested}
        clips, joined = examples.of(examples.speakers("train", "val"))
        assert not examples.speakers("test") & {*clips.speaker, *clips.sample_speaker, *joined.names}
        assert set(clips.speaker) == examples.speakers("train", "val")
    everything = diarizer_settings(data, tmp_path / "x", corpora=corpora, leave_out="ravdess")
    with pytest.raises(InputError, match="no usable recordings in the train split"):
        train_diarizer(everything, silent, silent)


def test_run_does_not_go_on_with_another_encoder(finished, tmp_path):
    train, settings, _, _ = finished
    torch.manual_seed(1)
    config = json.loads((Path(settings.encoder) / "config.json").read_text())
    layers = WhisperLayers(config["num_layers"], tuple(config["taps"]), **config["whisper"])
    save_checkpoint(tmp_path, layers.state_dict(), config)
    with pytest.raises(UsageError, match=r"other settings \(encoder"):
        train(replace(settings, encoder=str(tmp_path)), silent, silent)


def test_training_needs_recordings_of_both_splits(data, tmp_path):
    splits = tmp_path / "splits.csv"
    splits.write_text((data / "splits.csv").read_text().replace(",val", ",train"))
    with pytest.raises(InputError, match="no usable recordings in the val split"):
        train_diarizer(diarizer_settings(data, tmp_path / "d", splits=splits), silent, silent)
    write_grid(tmp_path / "grid", "clip0", "train", 30)
    settings = animator_settings(data, tmp_path / "a", captures=(("grid", tmp_path / "grid"),))
    with pytest.raises(InputError, match="no captured recordings in the val split"):
        train_animator(settings, silent, silent)


# --- evaluation of what was trained


def test_evaluation_of_a_diarizer(data, tmp_path):
    torch.manual_seed(0)
    encoder = SpeechEncoder.load(data / "encoder")
    network = DiarizerNetwork(7, 2, 16, **TINY)
    decoding = {"min_duration": 0.2, "switch_cost": 1.0}
    model = Diarizer(network, {"classes": EMOTIONS, "decoding": decoding}, "cpu", "")
    corpora, told = (("ravdess", data / "ravdess"),), []
    report = evaluate_checkpoint(encoder, model, corpora, data / "splits.csv", "val", joined=4, log=told.append)
    assert report.split == "val" and told
    content = json.loads(json.dumps(report.to_dict()))
    assert content["settings"] == {"joined": 4, "seed": 0, "corpora": ["ravdess"]}
    assert set(content["clips_by_corpus"]) == {"ravdess"}
    assert 0 <= content["calibration"]["ece"] <= 1 and 0 <= content["intensity"]["strong_auc"] <= 1
    assert content["intensity"]["arousal_spearman"] is None
    again = evaluate_checkpoint(encoder, model, corpora, data / "splits.csv", "val", joined=4)
    assert again.to_dict() == report.to_dict()
    with pytest.raises(InputError, match="test split holds no labelled recording"):
        evaluate_checkpoint(encoder, model, corpora, data / "splits.csv", "test")


@pytest.mark.parametrize("finished", ["animator"], indirect=True)
def test_evaluation_of_an_animator_beside_its_baselines(finished, data):
    _, settings, _, _ = finished
    encoder, head = SpeechEncoder.load(data / "encoder"), load_head()
    captures = READERS["grid"](data / "grid")
    report = evaluate_lipsync(encoder, Animator.load(settings.out / "checkpoint"), captures, "val", head)
    table = report.scores["grid"]
    assert {"animator", "animator, default style", "loudness envelope", "linear ridge"} <= set(table)
    assert table["linear ridge"]["jawOpen_r"] > 0.5  # syllables of sound and jaw go together in these clips
    assert table["animator"] == table["animator, default style"]  # grid is the default
    assert all(-1 <= row["jawOpen_r"] <= 1 for row in table.values())
    assert table["the capture itself"]["jawOpen_r"] == pytest.approx(1)
    assert set(table["loudness envelope"]) <= {name for name in table["animator"] if "_r" in name or "lag" in name}
    assert set(report.recordings["grid"]) == {"clip4", "clip5"}
    content = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(content["expressions"]["grid"]["intensity"]) == {
        "angry",
        "disgust",
        "fear",
        "happy",
        "sad",
        "surprise",
    }
    with pytest.raises(InputError, match="the test split holds no captured recording"):
        evaluate_lipsync(encoder, None, captures, "test", head)
