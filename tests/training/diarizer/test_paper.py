"""`train diarizer --preset paper` on a tiny WavLM with random weights, from sound files to `diarize --model`."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from typer.testing import CliRunner

from sedtalker_cli.cli.app import app
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.diarizers import load_diarizer
from sedtalker_cli.model.paper_diarizer import PaperDiarizer, published_network
from sedtalker_cli.pipeline import Pipeline
from sedtalker_cli.training.diarizer.paper import PaperTraining, class_durations, class_weights, train_paper
from tests.training.recordings import buzz

RATE = 16_000


def silent(*_):
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny WavLM as the hub has it, and ZED: three speakers, the marked span higher and louder than the rest."""
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel

    root = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    config = WavLMConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    WavLMModel(config).save_pretrained(root / "wavlm")
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(root / "wavlm")
    (root / "zed/wavs").mkdir(parents=True)
    entries, rows = {}, ["path,split"]
    for speaker, split in ((1, "train"), (2, "train"), (3, "val")):
        for number, emotion in enumerate(("angry", "sad", "happy")):
            name = f"spk{speaker}_{number}"
            calm, moved = buzz(100, 0.4, speaker), 3 * buzz(300 + 200 * number, 0.4, speaker)
            sf.write(root / f"zed/wavs/{name}.wav", np.concatenate([calm, moved, calm]), RATE)
            span = {"emo": emotion, "start": 0.4, "end": 0.8}
            entries[name] = {"wav": f"datafolder/wavs/{name}.wav", "emotion": [span]}
            rows.append(f"zed/wavs/{name},{split}")
    (root / "zed/ZED.json").write_text(json.dumps(entries))
    (root / "splits.csv").write_text("\n".join(rows) + "\n")
    return root


def settings(data: Path, out: Path, **changes) -> PaperTraining:
    usual = {"composites": 16, "epochs": 2, "batch": 4, "encoder": str(data / "wavlm"), "learning_rate": 3e-3}
    usual |= {"corpora": (("zed", data / "zed"),), "splits": data / "splits.csv", "out": out}
    return PaperTraining(**{**usual, **changes})


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    chosen = settings(data, tmp_path_factory.mktemp("run"), epochs=6, composites=48)
    lines = []
    return chosen, train_paper(chosen, log=lines.append), lines


def test_upper_half_is_trained_and_the_rest_stays(data, trained):
    chosen, scores, lines = trained
    before, _ = published_network(str(data / "wavlm"), 7)
    after = load_diarizer(chosen.out / "checkpoint").network
    assert [type(m).__name__ for m in after.head] == ["Linear", "ReLU", "Dropout"] * 2 + ["Linear"]
    assert [m.out_features for m in after.head if hasattr(m, "out_features")] == [256, 128, 7]
    changed = {
        name.split("layers.")[1][0] if "layers." in name else name
        for (name, old), new in zip(
            before.encoder.state_dict().items(), after.encoder.state_dict().values(), strict=True
        )
        if not torch.equal(old, new)
    }
    assert changed == {"2", "3"}
    assert "of" in lines[1] and "parameters are trained" in lines[1]
    assert scores["accuracy"] > 0.4  # the neutral half and a little of the rest, frame by frame, not clip by clip
    config = json.loads((chosen.out / "checkpoint/config.json").read_text())
    assert config["type"] == "paper_diarizer" and config["training"]["corpora"] == ["zed"]
    assert len(config["training"]["splits"]) == 12 and str(data) not in json.dumps(config)


def test_interrupted_run_ends_like_an_uninterrupted_one(data, tmp_path):
    class Killed(Exception):
        pass

    def kill(stage, done, total):
        if stage == "epoch 2" and done == 2:
            raise Killed

    whole = train_paper(settings(data, tmp_path / "a"), log=silent)
    with pytest.raises(Killed):
        train_paper(settings(data, tmp_path / "b"), log=silent, progress=kill)
    lines = []
    assert train_paper(settings(data, tmp_path / "b"), log=lines.append) == whole
    assert "resumed after epoch 1" in lines
    first, second = ((tmp_path / run / "checkpoint/model.safetensors").read_bytes() for run in "ab")
    assert first == second
    for change, named in (
        ({"splits": None}, "splits"),
        ({"leave_out": "esd"}, "leave_out"),
        ({"seed": 1}, "seed 0 -> 1"),
    ):
        with pytest.raises(UsageError, match=named):
            train_paper(settings(data, tmp_path / "b", **change), log=silent)


def test_command_trains_diarizes_and_evaluates(data, trained, tmp_path):
    chosen, _, _ = trained
    run = tmp_path / "run"
    options = ["--corpus", f"zed={data / 'zed'}", "--splits", data / "splits.csv", "--out", run, "--preset", "paper"]
    options += ["--encoder", data / "wavlm", "--epochs", 1, "--composites", 8, "--batch", 4, "--device", "cpu"]
    done = CliRunner().invoke(app, ["train", "diarizer", *map(str, options)])
    assert done.exit_code == 0, done.output + str(done.exception)
    wrong = CliRunner().invoke(app, ["train", "diarizer", *map(str, options), "--copies", "2"])
    assert wrong.exit_code == 2 and "--copies is not for --preset paper" in wrong.stderr
    sound = data / "zed/wavs/spk3_0.wav"
    call = ["diarize", str(sound), "--model", str(chosen.out / "checkpoint"), "--out", str(tmp_path / "d")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output + str(done.exception)
    rows = (tmp_path / "d/spk3_0.emotion.csv").read_text().splitlines()
    assert len(rows) == 61 and rows[0].endswith(",".join(f"p_{name}" for name in EMOTIONS) + ",speech")
    refused = CliRunner().invoke(app, [*call, "--adapt", "--overwrite"])
    assert refused.exit_code == 2 and "does not adapt" in refused.stderr
    scored = ["--corpus", f"zed={data / 'zed'}", "--splits", data / "splits.csv", "--split", "val", "--joined", 2]
    scored += ["--model", chosen.out / "checkpoint", "--out", tmp_path / "report"]
    done = CliRunner().invoke(app, ["evaluate", "diarization", *map(str, scored)])
    assert done.exit_code == 0, done.output + str(done.exception)
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["frames"]["accuracy"] == report["adapted"]["frames"]["accuracy"] and report["pool"] == ["zed"]


def test_animator_hears_with_its_own_encoder(data, trained):
    chosen, _, _ = trained
    pipeline = Pipeline.load(device="cpu", diarizer=chosen.out / "checkpoint")
    assert pipeline.encoder is pipeline.diarizer.encoder and pipeline.encoder.dim == 16
    assert pipeline.animator_encoder is not pipeline.encoder
    motion = pipeline.animate(data / "zed/wavs/spk3_0.wav", fps=25)
    assert motion.frames == 30 and np.isfinite(motion.weights).all()
    assert set(motion.metadata["models"]) == {"encoder", "diarizer", "animator", "animator_encoder"}


def test_long_recordings_are_heard_in_windows(trained):
    chosen, _, _ = trained
    model = PaperDiarizer.load(chosen.out / "checkpoint")
    sound = buzz(150, 30.0, 0)
    features = model.encoder.encode(np.array_split(sound, 7))
    posteriors, intensity = model.predict(features)
    assert posteriors.shape == (1500, 7) and intensity.shape == (1500,)
    np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(intensity, 1 - posteriors[:, EMOTIONS.index("neutral")], atol=1e-6)
    assert model.predict(features[:0])[0].shape == (0, 7)


def test_rare_classes_weigh_more_and_absent_ones_nothing():
    weights = class_weights({"happy": 6.0, "sad": 2.0})
    found = dict(zip(EMOTIONS, weights.tolist(), strict=True))
    assert found["sad"] == pytest.approx(3 * found["happy"]) and found["happy"] + found["sad"] == pytest.approx(2)
    assert found["angry"] == 0
    spans = Utterance(Path("x"), "zed", "1", "sad", segments=((0.5, 1.0, "sad"),))
    heard = class_durations([spans, Utterance(Path("y"), "zed", "1", "happy")], lambda u: np.zeros(2 * RATE))
    assert heard == {"neutral": 1.5, "sad": 0.5, "happy": 2.0}


def test_what_is_no_wavlm_is_named(data, tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        published_network(str(tmp_path / "nowhere"), 7)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text('{"model_type": "hubert"}')
    with pytest.raises(InputError, match="hubert"):
        published_network(str(tmp_path / "other"), 7)
    with pytest.raises(InputError, match="no usable recordings in the train split"):
        train_paper(settings(data, tmp_path / "run", leave_out="zed"), log=silent)
