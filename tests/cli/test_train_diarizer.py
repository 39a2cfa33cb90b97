"""`sedtalker train diarizer`: what its options become, and which are refused."""

from pathlib import Path

import pytest

from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from tests.commands import call


@pytest.fixture
def started(monkeypatch) -> list[DiarizerTraining]:
    """Settings that training was called with."""
    found = []
    monkeypatch.setattr(
        "sedtalker_cli.training.diarizer.run.train_diarizer", lambda settings, *_: found.append(settings)
    )
    return found


def test_defaults_are_those_of_the_settings(started, tmp_path):
    call("train", "diarizer", "--corpus", f"ravdess={tmp_path}", "--out", tmp_path / "run")
    (settings,) = started
    assert settings == DiarizerTraining((("ravdess", tmp_path),), None, tmp_path / "run", settings.encoder)
    assert Path(settings.encoder).name == "encoder"


def test_options_reach_the_training(started, tmp_path):
    numbers = {"composites": 90, "clips": 7, "copies": 3, "steps": 11, "epochs": 2, "batch": 5, "seed": 8}
    shares = {"smoothing": 0.1, "temperature": 0.2, "augmentation": 0.3, "read_weight": 0.4, "learning_rate": 0.5}
    given = [x for name, value in (numbers | shares).items() for x in (f"--{name.replace('_', '-')}", value)]
    options = ("--cross-validate", "--cache", tmp_path / "cache", *given)
    call("train", "diarizer", "--corpus", f"ravdess={tmp_path}", "--out", tmp_path / "run", *options)
    (settings,) = started
    assert settings.cross_validate and settings.cache == tmp_path / "cache"
    for name, value in (numbers | shares).items():
        assert getattr(settings, name) == value, name


@pytest.mark.parametrize(
    "options",
    [
        ("--draws", 2),
        ("--tuned-layers", 1),
        ("--masking", 0.1),
        ("--start", "run"),
        ("--precision", "bf16"),
        ("--copies", -1),
        ("--clips", 0),
        ("--steps", 0),
        ("--read-weight", 2),
        ("--preset", "paper", "--cross-validate"),
        ("--preset", "paper", "--clips", 9),
        ("--device", "cpu"),
    ],
)
def test_what_there_is_not(started, tmp_path, options):
    done = call("train", "diarizer", "--corpus", f"ravdess={tmp_path}", "--out", tmp_path / "run", *options, expect=2)
    assert next(str(o) for o in reversed(options) if str(o).startswith("--")) in done.stderr
    assert not started and not (tmp_path / "run").exists()


def test_a_cross_validation_keeps_no_fold(tmp_path):
    options = ("--cross-validate", "--fold", 0)
    done = call("train", "diarizer", "--corpus", f"ravdess={tmp_path}", "--out", tmp_path / "run", *options, expect=2)
    assert "leave out --fold and --leave-out" in done.stderr
