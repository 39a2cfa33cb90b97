"""`evaluate lipsync --predictions`: folders of motions against captures, no model."""

import json
import re
from functools import partial

import numpy as np
import pytest

from sedtalker_cli.data.capture_sources import read_grid
from sedtalker_cli.data.captures import on_head
from sedtalker_cli.evaluation.lipsync.files import evaluate_folder, resample
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.motion import write_sidecar
from tests.commands import call
from tests.data.grid import write_grid

FRAMES = 75
WORDS = "sil@0.000-0.400 bin@0.400-0.800 blue@0.800-1.200 three@1.200-1.600 by@1.600-2.000 sil@2.000-3.000"


evaluate = partial(call, "evaluate", "lipsync")


def write_prediction(folder, name: str, weights: np.ndarray, fps: float = 25, **metadata) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.weights.npy", weights.astype(np.float32))
    write_sidecar(folder / f"{name}.json", {"fps": fps, "shape_names": list(ARKIT_NAMES), **metadata})


@pytest.fixture
def captures(tmp_path):
    """Three clips of a mouth that closes at bin, blue and by; two in the test split."""
    time = np.arange(FRAMES) / 25
    for number, split in enumerate(("test", "test", "train")):
        speaking = (time > 0.4) & (time < 2)
        opening = np.where(speaking, np.abs(np.sin(np.pi * (time - 0.4) / 0.4)) ** (1 + 0.3 * number), 0)
        rounding = np.where((time > 0.8) & (time < 1.2), 0.4, 0.0)
        write_grid(
            *(tmp_path / "grid", f"clip{number}", split, FRAMES, WORDS),
            **{
                "jawOpen": 0.3 * opening,
                "mouthPucker": rounding,
                "gap": 0.004 + 0.1 * opening,
                "width": 0.5 - 0.1 * rounding,
            },
        )
    return read_grid(tmp_path / "grid")


def test_the_captures_themselves_score_perfectly(captures, tmp_path):
    head = load_head()
    for capture in captures:
        write_prediction(tmp_path / "p" / capture.split, capture.name, on_head(capture, head))
    report = evaluate_folder(captures, "test", tmp_path / "p")
    row = report.scores["grid"]["predictions"]
    assert row["jawOpen_r"] == pytest.approx(1, abs=1e-3) and row["lip_gap_r"] > 0.97
    assert (row["lag_frames"], row["closure_rate"]) == (0, 1)
    assert row["jitter_ratio"] == pytest.approx(1, abs=1e-3)
    assert row["mouthPucker_contrast"] > 0.2
    assert report.scores["grid"]["the capture itself"]["mouthPucker_contrast"] == pytest.approx(0.37, abs=0.05)
    assert set(report.recordings["grid"]) == {"clip0", "clip1"} and report.notes == []
    assert "expressions" in report.to_dict() and not report.expressions


@pytest.mark.parametrize("fps", [25, 30, 60])
@pytest.mark.parametrize("late", [0.0, 0.08])
def test_other_frame_rates_and_late_motions(captures, tmp_path, fps, late):
    for capture in captures[:2]:
        time = np.arange(round(3 * fps)) / fps
        weights = np.zeros((len(time), 52), np.float32)
        column = capture.weights[:, ARKIT_INDEX["jawOpen"]]
        weights[:, ARKIT_INDEX["jawOpen"]] = np.interp(time - late, np.arange(FRAMES) / 25, column)
        write_prediction(tmp_path / "p", capture.name, weights, fps)
    row = evaluate_folder(captures, "test", tmp_path / "p").scores["grid"]["predictions"]
    assert row["lag_ms"] == pytest.approx(1000 * late) and row["lag_r"] > 0.99
    assert (row["jawOpen_r"] > 0.99) == (late == 0)


def test_reading_at_other_times():
    time = np.arange(61) / 60
    wave = np.repeat((0.5 + 0.3 * np.sin(2 * np.pi * 2 * time))[:, None], 52, axis=1)
    slow = resample(wave, 60, 25)
    assert slow.shape == (26, 52)
    np.testing.assert_allclose(slow[:, 0], 0.5 + 0.3 * np.sin(2 * np.pi * 2 * np.arange(26) / 25), atol=1e-3)
    assert np.array_equal(resample(wave, 60, 60), wave)
    assert resample(wave[:1], 60, 25).shape == (1, 52)


def test_closures_are_those_of_the_head_in_the_sidecar(captures, tmp_path):
    """Lips of an open jaw do not close; with mouthClose they do, on any head."""
    for name, close in (("clip0", 0.0), ("clip1", 0.3)):
        weights = np.zeros((FRAMES, 52), np.float32)
        weights[:, ARKIT_INDEX["jawOpen"]] = 0.3 + 0.01 * np.sin(np.arange(FRAMES))
        weights[:, ARKIT_INDEX["mouthClose"]] = close + 0.01 * np.sin(np.arange(FRAMES)) * (close > 0)
        write_prediction(tmp_path / "p", name, weights, identity="7")
    report = evaluate_folder(captures, "test", tmp_path / "p")
    assert [row["closure_rate"] for row in report.recordings["grid"].values()] == [0, 1]
    assert report.scores["grid"]["predictions"]["closure_rate"] == 0.5


def test_command_writes_reports_and_names_what_is_missing(captures, tmp_path):
    write_prediction(tmp_path / "p", "clip0", captures[0].weights[:60])
    grid = f"grid={tmp_path / 'grid'}"
    result = evaluate("--capture", grid, "--predictions", tmp_path / "p", "--out", tmp_path / "r", "--json")
    content = json.loads((tmp_path / "r/report.json").read_text())
    assert json.loads(result.stdout) == content
    assert set(content["recordings"]["grid"]) == {"clip0"}
    assert content["facts"]["predictions"] == str(tmp_path / "p")
    assert "note: clip1: without a prediction, left out" in result.stderr
    assert "note: clip0: shorter than the capture" in result.stderr
    page = (tmp_path / "r/report.html").read_text()
    assert "clip0" in page and "pucker contrast" in page and "without a prediction" in page
    again = ("--capture", grid, "--predictions", tmp_path / "p", "--out", tmp_path / "r", "--overwrite")
    table = evaluate(*again).stdout
    assert re.search(r"predictions +1\.000", table)


def test_wrong_folders_are_named(captures, tmp_path):
    grid, folder = f"grid={tmp_path / 'grid'}", tmp_path / "p"

    def said(*more, expect: int = 1) -> str:
        result = evaluate("--capture", grid, "--predictions", folder, "--out", tmp_path / "r", *more, expect=expect)
        assert not (tmp_path / "r").exists()
        return result.stderr

    assert "is not a folder of predictions" in said()
    folder.mkdir()
    assert "holds no motion of a recording in the test split (e.g. clip0.weights.npy)" in said()
    assert "the val split holds no captured recording; choose --split from test, train" in said("--split", "val")
    assert "--predictions scores files, --animator belongs to a model" in said("--animator", tmp_path, expect=2)
    np.save(folder / "clip0.weights.npy", np.zeros((5, 51), np.float32))
    assert re.search(r"clip0\.weights\.npy: holds float32 of shape \(5, 51\)", said())
    np.save(folder / "clip0.weights.npy", np.full((5, 52), np.nan, np.float32))
    assert "clip0.weights.npy: holds values that are no coefficients" in said()
    np.save(folder / "clip0.weights.npy", np.zeros((5, 52), np.float32))
    assert "clip0.json: does not exist" in said()
    for metadata, message in (
        ({"fps": "x"}, "fps is 'x'"),
        ({"fps": 25, "identity": "nobody"}, r"clip0\.json: .*nobody"),
        ({"fps": 25, "shape_names": ["jawOpen"]}, "shape_names are not ARKit's"),
    ):
        (folder / "clip0.json").write_text(json.dumps(metadata))
        assert re.search(message, said())
    write_prediction(folder / "again", "clip0", np.zeros((5, 52)))
    assert "clip0 is in" in said()
