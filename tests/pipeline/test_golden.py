"""What the shipped weights make of a sentence, written down; new weights need new figures.

The same machine and version give the same bytes (see `test_workers`); other processors round otherwise, which moves
probabilities by far less than the tolerance here.
"""

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm
from tests.conftest import ROOT, needs_animator, needs_weights, run_cli

TOLERANCE = 0.01  # of probabilities, intensities and coefficients, on other machines
HALF_TOLERANCE = 0.03  # of them in half precision
CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
INTENSITY = [0.027, 0.027, 0.025, 0.022, 0.022]  # of every 10th frame
POSTERIORS = [
    [0.009, 0.012, 0.008, 0.040, 0.851, 0.046, 0.034],
    [0.009, 0.013, 0.008, 0.042, 0.843, 0.048, 0.036],
    [0.009, 0.013, 0.009, 0.037, 0.850, 0.049, 0.033],
    [0.010, 0.012, 0.010, 0.028, 0.863, 0.049, 0.029],
    [0.010, 0.013, 0.011, 0.026, 0.865, 0.049, 0.027],
]

MOTION = {  # coefficients of every 25th frame of a sentence
    "jawOpen": [0.463, 0.239, 0.178, 0.023, 0.091, 0.154],
    "mouthClose": [0.056, 0.023, 0.081, 0.005, 0.024, 0.043],
    "mouthPucker": [0.018, 0.016, 0.053, 0.024, 0.027, 0.004],
    "browDownLeft": [0.909, 0.885, 0.896, 0.866, 0.882, 0.903],
}


@needs_weights
def test_half_precision_is_near_and_told(tmp_path):
    sound = ROOT / "examples/party.flac"
    for precision in ("fp32", "bf16"):
        result = run_cli("diarize", sound, "--precision", precision, "--out", precision, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    full, half = (read_emotion_csv(tmp_path / name / "party.emotion.csv") for name in ("fp32", "bf16"))
    assert 0 < np.abs(full.posteriors - half.posteriors).max() <= HALF_TOLERANCE
    assert np.abs(full.intensity - half.intensity).max() <= HALF_TOLERANCE
    result = run_cli("diarize", sound, "--out", "fp32", "--resume", "--precision", "bf16", "--json", cwd=tmp_path)
    assert "made with another precision" in result.stderr


@needs_weights
def test_a_sentence_is_heard_as_it_was(tmp_path):
    result = run_cli("diarize", ROOT / "examples/party.flac", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    segments = read_rttm(tmp_path / "party.rttm")["party"]
    assert [segment.emotion for segment in segments] == SEGMENTS
    timeline = read_emotion_csv(tmp_path / "party.emotion.csv")
    assert timeline.classes == CLASSES
    assert np.abs(timeline.posteriors[10::40] - POSTERIORS).max() <= TOLERANCE
    assert np.abs(timeline.intensity[10::40] - INTENSITY).max() <= TOLERANCE
    assert np.abs(timeline.speech[10::40] - SPEECH).max() <= TOLERANCE


@needs_animator
def test_a_sentence_moves_as_it_did(tmp_path):
    options = ("--idle", "off", "--emotion-override", "angry:0.8", "--out", tmp_path)
    result = run_cli("animate", ROOT / "examples/promise.flac", *options)
    assert result.returncode == 0, result.stderr
    weights = np.load(tmp_path / "promise.weights.npy")
    assert weights.shape == (165, 52)
    for name, values in MOTION.items():
        assert np.abs(weights[15::25, ARKIT_INDEX[name]] - values).max() <= TOLERANCE, name
