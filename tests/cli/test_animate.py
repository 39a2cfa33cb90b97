"""`sedtalker animate`: its files, its controls, its errors."""

import json
import re

import numpy as np
import pytest

from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.live_link import read_live_link
from sedtalker_cli.formats.obj import read_obj_sequence
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.motion.head_motion import head_angles
from sedtalker_cli.motion.reading import read_motion
from sedtalker_cli.version import __version__
from tests.commands import MOTION_FILES, call, made
from tests.conftest import needs_animator, run_cli, tree, write_sound


def test_animate(tmp_path, sound, fake_models):
    call("animate", sound, "--out", tmp_path / "out", "--fps", "25", "--identity", "anna", "--idle", "off")
    assert made(tmp_path / "out") == MOTION_FILES
    motion = read_motion(tmp_path / "out/speech.npy")
    weights = np.load(tmp_path / "out/speech.weights.npy")
    faces = np.load(tmp_path / "out/speech.faces.npy")
    sidecar = json.loads((tmp_path / "out/speech.json").read_text())
    assert motion.vertices.shape == (38, sidecar["vertices"], 3)
    assert weights.shape == (38, 52)
    assert faces.max() == sidecar["vertices"] - 1
    from sedtalker_cli.face.head import load_head

    assert np.allclose(motion.vertices, load_head("anna").vertices(weights), atol=1e-6)
    expected = {
        "format": "sedtalker-motion",
        "units": "metres",
        "version": __version__,
        "fps": 25,
        "frames": 38,
        "duration": 1.5,
        "identity": "anna",
        "emotion_override": None,
        "emotion_gain": 1.0,
        "lip_gain": 1.0,
        "smooth": 0.0,
        "seed": 0,
        "idle": False,
        "head_motion": False,
        "models": {"encoder": "encoder", "diarizer": "diarizer", "animator": "animator"},
        "faces_file": "speech.faces.npy",
        "weights_file": "speech.weights.npy",
        "emotion_file": "speech.emotion.csv",
        "audio": "../speech.wav",
    }
    assert {key: sidecar[key] for key in expected} == expected
    assert len(sidecar["shape_names"]) == 52


def test_animate_with_override_and_gain(tmp_path, sound, fake_models):
    call("animate", sound, "-o", tmp_path / "out", "--emotion-override", "1-=angry:0.8", "--emotion-gain", "0.5")
    segments = read_rttm(tmp_path / "out/speech.rttm")["speech"]
    assert [s.emotion for s in segments] == ["happy", "sad", "angry"]
    timeline = read_emotion_csv(tmp_path / "out/speech.emotion.csv")
    assert timeline.intensity[[10, 70]] == pytest.approx([0.25, 0.4])
    # The emotions of that run, fed back, give the same face.
    edited = tmp_path / "out/speech.emotion.csv"
    call("animate", sound, "-o", tmp_path / "again", "--emotion-override", edited)
    first, second = (np.load(tmp_path / name / "speech.weights.npy") for name in ("out", "again"))
    assert np.abs(first - second).max() < 1e-3
    call("animate", sound, "-o", tmp_path / "rttm", "--emotion-override", tmp_path / "out/speech.rttm")
    again = read_rttm(tmp_path / "rttm/speech.rttm")["speech"]
    assert [(s.onset, s.duration, s.emotion) for s in again] == [(s.onset, s.duration, s.emotion) for s in segments]


def test_animate_is_repeatable(tmp_path, sound, fake_models):
    for out in ("a", "b"):
        call("animate", sound, "--out", tmp_path / out, "--obj", "--seed", "3")
    assert made(tmp_path / "a") == made(tmp_path / "b")
    for name in made(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    call("animate", sound, "--out", tmp_path / "c", "--seed", "4")
    first, other = (np.load(tmp_path / out / "speech.weights.npy") for out in ("a", "c"))
    assert not np.array_equal(first, other)


def test_animate_with_lip_gain_and_smoothing(tmp_path, sound, fake_models):
    common = ("animate", sound, "--idle", "off", "--expression", "still", "--out")
    call(*common, tmp_path / "usual")
    call(*common, tmp_path / "small", "--lip-gain", "0.5")
    call(*common, tmp_path / "smooth", "--smooth", "0.3")
    usual, small, smooth = (np.load(tmp_path / out / "speech.weights.npy") for out in ("usual", "small", "smooth"))
    assert usual[:, 17].max() > 0.2  # jawOpen
    assert np.allclose(small[:, 17], 0.5 * usual[:, 17], atol=1e-5)
    assert np.allclose(small[:, 23], usual[:, 23], atol=1e-5)  # the smile is expression
    assert np.abs(np.diff(smooth[:, 17])).max() < 0.7 * np.abs(np.diff(usual[:, 17])).max()
    sidecar = json.loads((tmp_path / "small/speech.json").read_text())
    assert (sidecar["lip_gain"], sidecar["smooth"]) == (0.5, 0.0)
    assert json.loads((tmp_path / "smooth/speech.json").read_text())["smooth"] == 0.3


def test_animate_with_head_motion(tmp_path, sound, fake_models):
    call("animate", sound, "--out", tmp_path / "off")
    call("animate", sound, "--out", tmp_path / "on", "--head-motion", "on")
    assert made(tmp_path / "on") == sorted([*MOTION_FILES, "speech.head.npy"])
    motion = np.load(tmp_path / "on/speech.head.npy")
    sidecar = json.loads((tmp_path / "on/speech.json").read_text())
    assert motion.shape == (sidecar["frames"], 4, 4) and motion.dtype == np.float32
    assert np.abs(motion - np.eye(4)).max() > 0.005
    assert (sidecar["head_motion"], sidecar["head_motion_file"]) == (True, "speech.head.npy")
    # The vertices stay in the head's own frame.
    assert (tmp_path / "on/speech.npy").read_bytes() == (tmp_path / "off/speech.npy").read_bytes()
    # Exports and films read the motion back.
    call("render", tmp_path / "on/speech.npy", "--out", tmp_path / "csv", "--export", "arkit-csv")
    _, angles = read_live_link(tmp_path / "csv/speech.arkit.csv")
    assert (
        np.allclose(angles[:, :3], head_angles(motion) * (1, -1, 1), atol=1e-5) and np.abs(angles[:, :3]).max() > 0.005
    )
    call("animate", sound, "--out", tmp_path / "other", "--head-motion", "on", "--seed", "1")
    assert np.abs(np.load(tmp_path / "other/speech.head.npy") - motion).max() > 0.001


def test_animate_obj(tmp_path, fake_models):
    sound = write_sound(tmp_path / "speech.wav", 0.4)
    call("animate", sound, "--out", tmp_path / "out", "--obj")
    vertices, faces = read_obj_sequence(tmp_path / "out/speech.obj")
    assert np.array_equal(faces, np.load(tmp_path / "out/speech.faces.npy"))
    assert np.abs(vertices - np.load(tmp_path / "out/speech.npy")).max() < 6e-7
    call("animate", sound, "--out", tmp_path / "out", "--obj", "--overwrite", "--fps", "25")
    assert len(list((tmp_path / "out/speech.obj").iterdir())) == 10


def test_resume_of_animate(tmp_path, sound, fake_models):
    call("animate", sound, "--out", tmp_path / "out")
    assert "skipped" in call("animate", sound, "--out", tmp_path / "out", "--resume").stderr
    result = call("animate", sound, "--out", tmp_path / "out", "--resume", "--emotion-override", "sad")
    assert "made with another emotion_override" in result.stderr
    edited = tmp_path / "e.emotion.csv"
    edited.write_bytes((tmp_path / "out/speech.emotion.csv").read_bytes())
    arguments = ("animate", sound, "--out", tmp_path / "out", "--resume", "--emotion-override", edited)
    call(*arguments)
    assert "skipped" in call(*arguments).stderr
    edited.write_text(edited.read_text().replace(",1.0000,", ",0.5000,"))
    assert "made with another emotion_override" in call(*arguments).stderr


@pytest.mark.parametrize(("option", "value"), [("--lip-gain", 1.2), ("--smooth", 0.1), ("--head-motion", "on")])
def test_resume_sees_controls(tmp_path, sound, fake_models, option, value):
    call("animate", sound, "--out", tmp_path / "out")
    arguments = ("animate", sound, "--out", tmp_path / "out", "--resume", option, value)
    assert f"made with another {option[2:].replace('-', '_')})" in call(*arguments).stderr
    assert "skipped" in call(*arguments).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no input"),
        (["speech.wav", "--fps", "24"], "fps 24: must be one of 25, 30, 50, 60"),
        (["speech.wav", "--emotion-override", "glad"], "unknown emotion 'glad'.*valid emotions: angry, disgust"),
        (["speech.wav", "--emotion-override", "0-1=happy,0.5-2=sad"], "overlap"),
        (["speech.wav", "--emotion-override", "none.rttm"], r"none\.rttm: does not exist"),
        (["speech.wav", "--emotion-gain", "-1"], "emotion gain -1"),
        (["speech.wav", "--emotion-gain", "nan"], "emotion gain nan"),
        (["speech.wav", "--lip-gain", "-0.5"], r"lip gain -0\.5: must be a number >= 0"),
        (["speech.wav", "--lip-gain", "nan"], "lip gain nan"),
        (["speech.wav", "--lip-gain", "inf"], "lip gain inf"),
        (["speech.wav", "--smooth", "-0.1"], r"smooth -0\.1: must be from 0 \(off\) to 1 seconds"),
        (["speech.wav", "--smooth", "nan"], "smooth nan"),
        (["speech.wav", "--smooth", "2"], r"smooth 2\.0"),
        (["speech.wav", "--head-motion", "much"], "much"),
        (["speech.wav", "--identity", "nobody"], "nobody"),
        (["speech.wav", "--size", "511x512"], "must be even"),
        (["speech.wav", "--size", "big"], "not WIDTHxHEIGHT"),
        (["speech.wav", "--device", "tpu"], "tpu"),
        (["speech.wav", "--nonsense"], "nonsense"),
        (["--list", "none.txt"], "does not exist"),
        (["speech.wav", "--jobs", "0"], "jobs"),
        (["speech.wav", "--shard", "3/2"], "'3/2' is not I/N with I from 1 to N"),
        (["speech.wav", "--shard", "one"], "'one' is not I/N"),
        (["speech.wav", "--out", "speech.wav/x"], "is not a folder"),
    ],
)
def test_wrong_usage_is_status_2_before_any_work(tmp_path, sound, fake_models, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    result = call("animate", *arguments, expect=2)
    assert re.search(said, result.stderr, re.DOTALL), result.stderr
    assert tree(tmp_path) == ["speech.wav"]


def test_a_bad_line_of_an_override_is_left_out_or_refused(tmp_path, fake_models):
    """Left out with one warning, whatever number of inputs; with `--strict` the run does not begin."""
    inputs = [write_sound(tmp_path / f"{name}.wav") for name in "ab"]
    (tmp_path / "my.txt").write_text("0\t0.5\tsad\n0.5\t1\n")
    (tmp_path / "who.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> ann\nSPEAKER b 1 0 1 <NA> <NA> ann\nSPEAKER b 1\n")
    override, who = ("--emotion-override", tmp_path / "my.txt"), ("--speakers", tmp_path / "who.rttm")
    for number, processes in enumerate((1, 2)):
        out = ("--no-vertices", "--jobs", processes, "--out", tmp_path / f"out{number}")
        result = call("animate", *inputs, *override, *who, *out)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ") and "left out" in line]
        assert sorted(warnings) == [
            f"warning: {tmp_path}/my.txt:2: has 2 fields, expected onset TAB end TAB label: left out",
            f"warning: {tmp_path}/who.rttm:3: has 3 fields; the speaker is field 8: left out",
        ]
    for given, said in (
        (override, f"error: emotion override {tmp_path}/my.txt:2: has 2 fields"),
        (who, f"error: --speakers {tmp_path}/who.rttm:3: has 3 fields"),
    ):
        result = call("animate", *inputs, *given, "--strict", "--out", tmp_path / "strict", expect=2)
        assert result.stderr.startswith(said) and not (tmp_path / "strict").exists()
    (tmp_path / "list.csv").write_text(f"path,emotion_override\n{inputs[0]},{tmp_path}/my.txt\n")
    given = ("--list", tmp_path / "list.csv", "--strict", "--out", tmp_path / "strict")
    assert "my.txt:2: has 2 fields" in call("animate", *given, expect=2).stderr
    result = call("diarize", *inputs, *who, "--strict", "--out", tmp_path / "strict", expect=2)
    assert "who.rttm:3: has 3 fields" in result.stderr


def test_bad_captions_and_rttm_are_left_out_or_refused(tmp_path, fake_models):
    (tmp_path / "c.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nwell\n\n2\nnever\n")
    sound = write_sound(tmp_path / "a.wav")
    call("animate", sound, "--out", tmp_path / "out")
    given = ("--captions", tmp_path / "c.srt", "--strict")
    for arguments in (("animate", sound, "--render"), ("render", tmp_path / "out/a.npy")):
        result = call(*arguments, *given, "--out", tmp_path / "strict", expect=2)
        assert f"--captions {tmp_path}/c.srt:6: is no caption" in result.stderr
    (tmp_path / "t.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> sad\nSPEAKER a 1 1\n")
    files = ("--reference", tmp_path / "t.rttm", "--hypothesis", tmp_path / "t.rttm", "--out", tmp_path / "report")
    result = call("evaluate", "diarization", *files, "--strict", expect=1)
    assert "t.rttm:2: has 4 fields" in result.stderr and not (tmp_path / "report").exists()
    assert "t.rttm:2: has 4 fields, expected 10: left out" in call("evaluate", "diarization", *files).stderr


def test_an_override_that_does_not_fit_one_input_fails_that_input(tmp_path, fake_models):
    write_sound(tmp_path / "short.wav", 1.0)
    write_sound(tmp_path / "long.wav", 3.0)
    result = call(
        *("animate", tmp_path / "short.wav", tmp_path / "long.wav"),
        *("-o", tmp_path / "out", "--emotion-override", "2-=sad"),
        expect=1,
    )
    assert re.search(r"error: .*short\.wav: .*starts beyond the end", result.stderr)
    assert [name for name in made(tmp_path / "out") if name.startswith("short")] == []
    assert (tmp_path / "out/long.npy").exists()


@needs_animator
def test_animate_with_the_real_weights(tmp_path):
    write_sound(tmp_path / "a.wav", 2.0)
    result = run_cli("animate", "a.wav", "--out", "out", "--emotion-override", "happy", "--fps", "25", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert read_motion(tmp_path / "out/a.npy").vertices.shape[0] == 50
    weights = np.load(tmp_path / "out/a.weights.npy")
    assert np.isfinite(weights).all()
    assert weights.min() >= 0
    assert weights.max() <= 1
    sidecar = json.loads((tmp_path / "out/a.json").read_text())
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in sidecar["models"].values())
    assert sidecar["emotion_override"] == "happy"
