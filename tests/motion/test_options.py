"""The options of an animation, and that they arrive where they belong."""

import json

import numpy as np
import pytest

from sedtalker_cli import AnimateOptions, UsageError
from sedtalker_cli.outputs.files import AnimationFiles, write_animation


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"fps": 24}, "fps 24: must be one of 25, 30, 50, 60"),
        ({"emotion_gain": -1}, "gain"),
        ({"lip_gain": float("nan")}, "lip gain nan"),
        ({"smooth": 1.5}, "smooth 1.5: must be from 0"),
    ],
)
def test_invalid_options_are_refused(given, named):
    with pytest.raises(UsageError, match=named):
        AnimateOptions(**given)


def test_options_may_be_given_as_keywords(fake_models, sound):
    keywords = {"emotion_override": "happy:0.8", "fps": 60, "idle": False}
    one = fake_models.animate(sound, AnimateOptions(**keywords))
    two = fake_models.animate(sound, **keywords)
    both = fake_models.animate(sound, AnimateOptions(emotion_override="happy:0.8", fps=25), fps=60, idle=False)
    for motion in (two, both):
        assert motion.metadata == one.metadata
        assert np.array_equal(motion.weights, one.weights)
    assert one.fps == 60 and one.frames == 90 == len(one.vertices)
    with pytest.raises(TypeError, match="emotion_overide"):
        fake_models.animate(sound, emotion_overide="happy")
    with pytest.raises(UsageError, match="fps 24"):
        fake_models.animate(sound, fps=24)


def test_the_sidecar_says_every_option(fake_models, sound, tmp_path):
    options = AnimateOptions("sad", 0.5, 0.9, 0.1, "anna", None, 25, 3, False, True)
    motion = fake_models.animate(sound, options)
    write_animation(tmp_path / "a", motion, tmp_path, AnimationFiles())
    sidecar = json.loads((tmp_path / "a.json").read_text())
    for name, value in vars(options).items():
        if name != "head":  # there stands the head's name
            assert sidecar[name] == value, name
    assert (tmp_path / "a.head.npy").exists() and sidecar["audio"] == "speech.wav"


def test_a_speaker_needs_turns(fake_models, sound):
    with pytest.raises(UsageError, match="speaker anna: give turns"):
        fake_models.diarize(sound, speaker="anna")
