"""Measures of expressions on an animator whose answers are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from sedtalker_cli.data.captures import Capture
from sedtalker_cli.evaluation.lipsync.action_units import ARKIT_OF_UNIT, EMOTIONS, main_units, measured_changes
from sedtalker_cli.evaluation.lipsync.animator import LipsyncReport
from sedtalker_cli.evaluation.lipsync.expression import KEY_COEFFICIENT, LEVELS, score_expressions
from sedtalker_cli.evaluation.lipsync.pages import expression_tables, lipsync_page
from sedtalker_cli.evaluation.metrics.expression import UPPER_FACE, coefficient, is_rising, pose_spread, upper_face_pose
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head

FPS, FRAMES = 25, 50
WORDS = (("sil", 0.0, 0.4), ("bin", 0.4, 1.2), ("by", 1.2, 1.6), ("sil", 1.6, 2.0))


# --- measures


def test_coefficient_without_a_side_is_the_mean_of_both():
    weights = np.zeros((3, 52))
    weights[:, ARKIT_INDEX["browDownLeft"]], weights[:, ARKIT_INDEX["browInnerUp"]] = 0.4, 0.3
    assert coefficient(weights, "browDown") == pytest.approx(0.2)
    assert coefficient(weights, "browInnerUp") == pytest.approx(0.3)
    assert coefficient(weights[0], "browDownLeft") == pytest.approx(0.4)


def test_upper_face_leaves_gaze_blinks_and_mouth_out():
    assert len(UPPER_FACE) == 13
    assert not [name for name in UPPER_FACE if name.startswith(("eyeLook", "eyeBlink", "mouth", "jaw", "cheekPuff"))]
    weights = np.zeros((4, 52))
    weights[:2, ARKIT_INDEX["browInnerUp"]] = 1
    weights[:, ARKIT_INDEX["eyeBlinkLeft"]] = 1
    assert upper_face_pose(weights).sum() == pytest.approx(0.5)


def test_pose_spread():
    poses = {"happy": [np.array([1.0, 0]), np.array([1.0, 0.2])], "sad": [np.array([-1.0, 0]), np.array([-1.0, 0.2])]}
    within, between = pose_spread(poses)
    assert (within, between) == (pytest.approx(0.1), pytest.approx(1))


def test_rising():
    assert is_rising([0, 0.1, 0.2, 0.21])
    assert not is_rising([0, 0.1, 0.1, 0.2]) and not is_rising([0, 0.3, 0.2, 0.4])


# --- action units


def test_table_of_action_units():
    assert set(KEY_COEFFICIENT) == set(EMOTIONS)
    assert measured_changes("happy")["AU12"].normal == pytest.approx(1.80)
    assert measured_changes("surprise")["AU2"].strong == pytest.approx(0.38)
    assert measured_changes("angry")["AU1"].mean < 0  # brows that sink
    assert main_units("happy") == ["AU12", "AU10"] and main_units("fear") == ["AU5", "AU1"]
    for emotion in EMOTIONS:
        assert all(measured_changes(emotion)[unit].mean > 0 for unit in main_units(emotion))
    for name in ARKIT_OF_UNIT.values():
        assert name in ARKIT_INDEX or f"{name}Left" in ARKIT_INDEX


# --- an animator


class KnownAnimator:
    """Opens the jaw with the recording's only feature; moves the key coefficient with the intensity.

    Args:
        spoilt: emotion that moves nothing, keeps the lips apart, and differs from recording to recording.
    """

    classes = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    styles = ("grid",)

    def __init__(self, spoilt: str | None = None):
        self.spoilt = spoilt

    def perform(self, features, posteriors, intensities, duration, fps, style=None):
        return [self.predict(features, posteriors, intensity, duration, fps, style) for intensity in intensities]

    def predict(self, features, posteriors, intensity, duration, fps, style=None):
        emotion, level = self.classes[int(posteriors[0].argmax())], float(intensity[0])
        jaw = np.interp(np.arange(round(duration * fps)) / fps, np.arange(len(features)) / 50, features)
        weights = np.zeros((len(jaw), 52), np.float32)
        weights[:, ARKIT_INDEX["jawOpen"]] = jaw
        if emotion == self.spoilt:
            weights[:, ARKIT_INDEX["jawOpen"]] = 0.3 - 0.5 * jaw
            weights[:, ARKIT_INDEX["browInnerUp"]] = features.sum() % 1
        elif emotion != "neutral":
            for name in (KEY_COEFFICIENT[emotion], *(ARKIT_OF_UNIT[u] for u in main_units(emotion))):
                for full in [name] if name in ARKIT_INDEX else [f"{name}Left", f"{name}Right"]:
                    # Raised lips part: only a little here, so that closures stay.
                    weights[:, ARKIT_INDEX[full]] = (0.1 if name == "mouthUpperUp" else 0.8) * level
        return weights


def recordings() -> tuple[list[Capture], list[np.ndarray]]:
    """Three recordings with closed lips at bin and by, and their features."""
    captures, features = [], []
    time = np.arange(2 * FRAMES) / 50
    for number in range(3):
        speaking = (time > 0.4) & (time < 1.6)
        features.append(np.where(speaking, 0.2 * np.abs(np.sin(np.pi * (time - 0.4) / 0.4)) ** (1 + number), 0))
        channels = np.ones(52, bool)
        weights = np.zeros((FRAMES, 52), np.float32)
        weights[:, ARKIT_INDEX["jawOpen"]] = features[-1][::2]
        gap = 0.004 + features[-1][::2]
        captures.append(Capture(str(number), "grid", "test", Path("x"), FPS, weights, channels, gap, gap, 0.5, WORDS))
    return captures, features


def test_an_animator_without_a_flaw():
    captures, features = recordings()
    scores = score_expressions(KnownAnimator(), captures, features, load_head())
    assert len(scores.lip_gap_r) == 21
    assert min(scores.lip_gap_r.values()) > 0.9
    assert scores.closure_rate == dict.fromkeys(("neutral", *EMOTIONS), 1.0)
    assert scores.within == pytest.approx(0, abs=1e-6) and scores.between > 0.3 and scores.pose_ratio < 1e-3
    for emotion in EMOTIONS:
        assert scores.levels[emotion] == pytest.approx([0.8 * level for level in LEVELS])
        assert all(scores.right_signs(emotion).values())
    assert 0.4 < scores.unit_r <= 1
    assert scores.units["happy"]["AU12"].strong == pytest.approx(0.8)
    assert scores.units["happy"]["AU4"].mean == 0


def test_flaws_are_found():
    captures, features = recordings()
    scores = score_expressions(KnownAnimator("sad"), captures, features, load_head())
    assert all((r < 0) == ("sad" in pair) for pair, r in scores.lip_gap_r.items())
    assert scores.closure_rate["sad"] == 0 and scores.closure_rate["happy"] == 1
    assert scores.within > 0.05
    assert not is_rising(scores.levels["sad"]) and is_rising(scores.levels["happy"])
    assert not all(scores.right_signs("sad").values())
    content = json.loads(json.dumps(scores.to_dict(), allow_nan=False))
    assert content["emotion_swapped"]["lip_gap_r_min"] < 0 < content["emotion_swapped"]["lip_gap_r_mean"]
    assert content["intensity"]["sad"]["rising"] is False
    assert content["words_swapped"]["ratio"] == pytest.approx(scores.pose_ratio)
    report = LipsyncReport("test", {"grid": {}}, {"grid": {}}, {"grid": scores})
    swapped, pose, intensity, units = expression_tables(report)
    rows = {row[0]: row for row in swapped.rows}
    assert rows["sad"][-1] == "0.000" and rows["happy"][3] == "sad"
    assert pose.rows[0][-1] == f"{scores.pose_ratio:.3f}"
    assert [row[-1] for row in intensity.rows if row[0] == "sad"] == ["no"]
    assert len(units.rows) == 12
    assert [s.title for s in lipsync_page(report, {}).sections] == ["Mouth", "Expression", "Recordings"]
