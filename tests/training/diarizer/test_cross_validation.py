"""`--cross-validate`: every speaker is held out once, and an interrupted run ends like an uninterrupted one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.training.diarizer.examples import encode_examples
from sedtalker_cli.training.diarizer.run import Trainer, train_diarizer
from sedtalker_cli.training.diarizer.settings import DiarizerTraining

NETWORK = {"d_model": 8, "layout": "m", "window": 4, "d_state": 2, "members": 1, "directions": 8}
SPEAKERS = {"ravdess/01", "ravdess/02", "ravdess/03"}


class Killed(Exception):
    """Stands for the end of the process."""


def silent(*_):
    pass


def settings_of(data: Path, out: Path, **changes) -> DiarizerTraining:
    usual = DiarizerTraining(
        corpora=(("ravdess", data / "ravdess"),),
        splits=None,
        out=out,
        encoder=str(data / "encoder"),
        composites=12,
        steps=4,
        epochs=1,
        batch=6,
        network=NETWORK,
        cross_validate=True,
    )
    return replace(usual, **changes)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """Settings, scores, log, and who was trained on, of a run that nobody disturbed."""
    settings, trained, lines = settings_of(data, tmp_path_factory.mktemp("cross") / "run"), [], []
    fit = Trainer.fit

    def spy(self, out, clips, joined, val=None):
        assert val is None
        trained.append((out, {*clips.speaker, *clips.sample_speaker, *joined.names}))
        return fit(self, out, clips, joined, val)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "fit", spy)
        scores = train_diarizer(settings, lines.append, silent)
    return settings, scores, lines, trained


def test_every_speaker_is_held_out_once(finished):
    settings, _, lines, trained = finished
    *folds, (last, everybody) = trained
    assert last == settings.out and everybody == SPEAKERS
    assert [out for out, _ in folds] == [settings.out / f"fold-{k}" for k in range(len(folds))]
    held = [SPEAKERS - speakers for _, speakers in folds]
    assert all(held) and sorted(name for names in held for name in names) == sorted(SPEAKERS)
    assert sum(line.startswith("fold ") for line in lines) == len(folds)


def test_folds_and_all_have_checkpoints_with_one_calibration(finished):
    settings, scores, _, trained = finished
    folders = [out / "checkpoint" for out, _ in trained]
    models = [Diarizer.load(folder) for folder in folders]
    assert len(models) >= 3 and len({model.sha256 for model in models}) == len(models)
    for model in models:
        assert model.temperatures == models[0].temperatures and model.decoding == models[0].decoding
        for name in ("shares", "stretch_shares", "level_shares", "stretch_decoding"):
            assert torch.equal(getattr(model.network, name), getattr(models[0].network, name)), name
        posteriors, _ = model.predict(torch.randn(40, 2, 16))
        np.testing.assert_allclose(posteriors.sum(1), 1, atol=1e-5)
    assert not torch.equal(models[-1].network.shares, torch.tensor([[1.0, 0.0], [1.0, 0.0]]))  # they were set
    assert json.loads((settings.out / "cross-validation.json").read_text()) == scores
    assert {"macro_f1", "macro_f1_adapted"} <= set(scores)


def test_interrupted_run_ends_like_an_uninterrupted_one(finished, tmp_path):
    """Killed while a fold learns and while all do; sound is taken from the cache of the first run."""
    settings, scores, _, trained = finished
    again = replace(settings, out=tmp_path / "run", cache=settings.out / "cache")

    def kill_when(text: str, log: list[str]):
        def tell(line):
            log.append(line)
            if line.startswith(text):
                raise Killed

        return tell

    def no_encoding(stage, done, total):
        assert not stage.startswith("encoding")

    for text in ("fold 2 of", "training on all"):
        with pytest.raises(Killed):
            train_diarizer(again, kill_when(text, []), no_encoding)
    assert not (again.out / "checkpoint").exists()
    assert train_diarizer(again, silent, no_encoding) == scores
    for out, _ in trained:
        file = Path("checkpoint") / "model.safetensors"
        assert (out / file).read_bytes() == (again.out / out.relative_to(settings.out) / file).read_bytes()


def test_nothing_is_kept_from_a_cross_validation(data, tmp_path):
    for change in ({"fold": 0}, {"leave_out": "emodb"}):
        with pytest.raises(UsageError, match="--cross-validate tests every fold"):
            train_diarizer(settings_of(data, tmp_path / "run", **change), silent, silent)
    assert not (tmp_path / "run").exists()


def test_one_speaker_is_not_enough(data, tmp_path):
    (tmp_path / "ravdess").mkdir()
    (tmp_path / "ravdess/Actor_01").symlink_to(data / "ravdess/Actor_01")
    settings = settings_of(data, tmp_path / "run", corpora=(("ravdess", tmp_path / "ravdess"),))
    with pytest.raises(InputError, match="speakers in two folds"):
        train_diarizer(settings, silent, silent)


def test_joined_recordings_of_other_settings_are_not_taken_from_a_shared_cache(data, tmp_path):
    encoder = SpeechEncoder.load(data / "encoder")
    usual = settings_of(data, tmp_path, cache=tmp_path / "cache", cross_validate=False, copies=0)

    def folders() -> set[str]:
        return {path.name for path in (tmp_path / "cache").glob("joined-*")}

    encode_examples(usual, encoder, silent, silent)
    for number, change in enumerate(({"augmentation": 0.0}, {"temperature": 1.0}, {"seed": 1}, {"composites": 8})):
        examples = encode_examples(replace(usual, **change), encoder, silent, silent)
        assert len(folders()) == 2 + number and len(examples.joined) == change.get("composites", 12)
    encode_examples(replace(usual, out=tmp_path / "other", epochs=9), encoder, silent, silent)
    assert len(folders()) == 5


def test_a_recording_of_silence_is_no_part_of_joined_ones(data, tmp_path):
    actor = tmp_path / "ravdess/Actor_04"
    actor.mkdir(parents=True)
    for emotion in (1, 3):
        sf.write(actor / f"03-01-0{emotion}-01-01-01-04.wav", np.zeros(16_000), 16_000)
    for number in (1, 2, 3):
        (tmp_path / f"ravdess/Actor_0{number}").symlink_to(data / f"ravdess/Actor_0{number}")
    settings = settings_of(data, tmp_path / "run", corpora=(("ravdess", tmp_path / "ravdess"),), composites=24)
    examples = encode_examples(settings, SpeechEncoder.load(data / "encoder"), silent, silent)
    assert set(examples.joined.names) == SPEAKERS and set(examples.clips.speaker) == SPEAKERS
