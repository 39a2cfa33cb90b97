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
SEGMENTS = ["neutral"]
SPEECH = [0.989, 0.998, 0.054, 0.996, 0.988, 0.974]
INTENSITY = [0.025, 0.022, 0.023, 0.024, 0.022, 0.023]  # of every 40th frame
POSTERIORS = [
    [0.044, 0.008, 0.010, 0.018, 0.894, 0.018, 0.008],
    [0.045, 0.007, 0.010, 0.011, 0.908, 0.012, 0.008],
    [0.033, 0.004, 0.009, 0.010, 0.927, 0.012, 0.005],
    [0.064, 0.007, 0.012, 0.019, 0.872, 0.016, 0.010],
    [0.061, 0.011, 0.013, 0.027, 0.866, 0.012, 0.011],
    [0.074, 0.015, 0.012, 0.036, 0.836, 0.016, 0.011],
]

MOTION = {  # coefficients of every 25th frame of a sentence
    "jawOpen": [0.647, 0.235, 0.260, 0.014, 0.054, 0.425],
    "mouthClose": [0.056, 0.019, 0.144, 0.006, 0.012, 0.025],
    "mouthPucker": [0.000, 0.030, 0.138, 0.050, 0.102, 0.032],
    "browDownLeft": [0.327, 0.280, 0.374, 0.472, 0.333, 0.298],
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
