"""The command line: files, exit statuses, messages, JSON lines; models are fakes unless a test says otherwise."""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.live_link import read_live_link
from sedtalker_cli.formats.motion import read_motion
from sedtalker_cli.formats.obj import read_obj_sequence
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.motion.head_motion import head_angles
from sedtalker_cli.version import __version__
from tests.commands import MOTION_FILES, call, made
from tests.conftest import ROOT, needs_animator, needs_weights, run_cli, tone, tree, write_sound


def test_help_is_fast_and_light():
    code = (
        "import sys; sys.argv = ['sedtalker', '--help']\n"
        "from sedtalker_cli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'pandas', 'pyrender', 'soundfile'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert "HEAVY []" in result.stdout
    for command in ("diarize", "animate", "render", "train", "evaluate"):
        assert command in result.stdout


def test_version_in_a_process():
    result = run_cli("--version")
    assert (result.returncode, result.stdout) == (0, f"sedtalker {__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["diarize"],
        ["animate"],
        ["render"],
        ["train", "diarizer"],
        ["train", "animator"],
        ["evaluate", "diarization"],
        ["evaluate", "lipsync"],
    ],
)
def test_every_command_has_help_with_examples(command):
    output = call(*command, "--help").output
    assert "Example" in output
    assert f"sedtalker {' '.join(command)}" in output
    assert "--quiet" in output


@pytest.mark.parametrize("command", ["diarize", "animate", "render"])
def test_common_options(command):
    output = call(command, "--help").output
    for option in (
        "--json",
        "--quiet",
        "--device",
        "--out",
        "--overwrite",
        "--resume",
        "--debug",
        "--list",
        "--jobs",
        "--shard",
    ):
        assert option in output


def test_diarize(tmp_path, sound, fake_models):
    result = call("diarize", sound, "--out", tmp_path / "out")
    assert made(tmp_path / "out") == ["speech.emotion.csv", "speech.rttm"]
    segments = read_rttm(tmp_path / "out/speech.rttm")["speech"]
    assert [(s.onset, s.duration, s.emotion) for s in segments] == [(0, 0.74, "happy"), (0.74, 0.76, "sad")]
    timeline = read_emotion_csv(tmp_path / "out/speech.emotion.csv")
    assert len(timeline.labels) == 75
    assert np.allclose(timeline.intensity, 0.5)
    assert result.stdout == ""
    assert "done" in result.stderr


def test_names_are_kept_and_uris_are_safe(tmp_path, fake_models):
    write_sound(tmp_path / "my talk, part 1.5 é.wav")
    call("diarize", tmp_path / "my talk, part 1.5 é.wav", "-o", tmp_path / "out")
    assert made(tmp_path / "out") == ["my talk, part 1.5 é.emotion.csv", "my talk, part 1.5 é.rttm"]
    assert list(read_rttm(tmp_path / "out/my talk, part 1.5 é.rttm")) == ["my_talk,_part_1.5_é"]


def test_json_lines(tmp_path, sound, fake_models):
    (tmp_path / "text.wav").write_text("no sound")
    result = call("diarize", sound, tmp_path / "text.wav", "--out", tmp_path / "out", "--json", "--quiet", expect=1)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed"]
    assert lines[0]["input"] == str(sound)
    assert lines[0]["outputs"]["rttm"] == str(tmp_path / "out/speech.rttm")
    assert lines[0]["duration"] == 1.5
    assert [s["emotion"] for s in lines[0]["segments"]] == ["happy", "sad"]
    assert "not a sound file" in lines[1]["error"]
    assert result.stderr.count("\n") == 1  # quiet: only the error


def test_bad_inputs_fail_alone(tmp_path, sound, fake_models):
    (tmp_path / "text.wav").write_text("no sound at all\n" * 9)
    (tmp_path / "empty.wav").write_bytes(b"")
    sf.write(tmp_path / "zero.wav", np.zeros(0), 16000)
    bad = tone(1.0)
    bad[:3] = np.nan
    sf.write(tmp_path / "nan.wav", bad, 16000, subtype="FLOAT")
    names = ["text.wav", "empty.wav", "zero.wav", "missing.wav", "nan.wav"]
    result = call("diarize", *(tmp_path / n for n in names), sound, "--out", tmp_path / "out", expect=1)
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 5
    for name, error, said in zip(
        names,
        errors,
        ["not a sound file", "empty file", "no samples", "does not exist", "3 samples"],
        strict=True,
    ):
        assert name in error
        assert said in error
    assert made(tmp_path / "out") == ["failures.csv", "speech.emotion.csv", "speech.rttm"]
    summary = result.stderr.splitlines()[-7:]
    assert summary[0] == "1 done, 0 skipped, 5 failed"
    assert summary[1].startswith(f"  failed: {tmp_path}/text.wav: is not a sound file")
    assert summary[-1] == f"  all failures are in {tmp_path}/out/failures.csv"


@pytest.mark.parametrize(
    ("name", "rate", "channels", "options"),
    [
        ("stereo.wav", 8000, 2, {}),
        ("float.wav", 96000, 1, {"subtype": "FLOAT"}),
        ("a.mp3", 44100, 1, {}),
        ("a.ogg", 22050, 1, {}),
        ("a.flac", 48000, 2, {"subtype": "PCM_24"}),
    ],
)
def test_formats_end_to_end(tmp_path, fake_models, name, rate, channels, options):
    sf.write(tmp_path / name, np.repeat(tone(1.0, rate)[:, None], channels, axis=1), rate, **options)
    call("diarize", tmp_path / name, "--out", tmp_path / "out")
    stem = name.split(".")[0]
    segments = read_rttm(tmp_path / f"out/{stem}.rttm")[stem]
    assert [s.emotion for s in segments] == ["happy", "sad"]
    assert abs(segments[-1].end - 1.0) < 0.08


def test_existing_outputs_stop_before_any_work(tmp_path, sound, fake_models, monkeypatch):
    call("diarize", sound, "--out", tmp_path / "out")
    before = (tmp_path / "out/speech.rttm").read_bytes()
    other = write_sound(tmp_path / "other.wav")
    result = call("diarize", other, sound, "--out", tmp_path / "out", expect=2)
    assert "already exist" in result.stderr
    assert made(tmp_path / "out") == ["speech.emotion.csv", "speech.rttm"]
    result = call("diarize", other, sound, "--out", tmp_path / "out", "--resume")
    assert "skipped" in result.stderr
    call("diarize", other, sound, "--out", tmp_path / "out", "--overwrite")
    assert (tmp_path / "out/speech.rttm").read_bytes() == before


def test_folder_and_list(tmp_path, fake_models):
    for name in ("in/a.wav", "in/sub/b.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_sound(tmp_path / name, 0.5)
    call("diarize", tmp_path / "in", "--recursive", "--out", tmp_path / "out", "--quiet")
    assert made(tmp_path / "out") == ["a.emotion.csv", "a.rttm", "sub/b.emotion.csv", "sub/b.rttm"]
    (tmp_path / "list.txt").write_text(f"{tmp_path}/in/a.wav\n{tmp_path}/in/sub/b.wav\n")
    call("diarize", "--list", tmp_path / "list.txt", "--out", tmp_path / "flat")
    assert made(tmp_path / "flat") == ["a.emotion.csv", "a.rttm", "b.emotion.csv", "b.rttm"]
    (tmp_path / "in/sub/b.wav").rename(tmp_path / "in/sub/a.wav")
    result = call("diarize", tmp_path / "in/a.wav", tmp_path / "in/sub/a.wav", "-o", tmp_path / "x", expect=2)
    assert "would both write" in result.stderr
    assert not (tmp_path / "x").exists()


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
    common = ("animate", sound, "--idle", "off", "--out")
    call(*common, tmp_path / "usual")
    call(*common, tmp_path / "small", "--lip-gain", "0.5")
    call(*common, tmp_path / "smooth", "--smooth", "0.3")
    usual, small, smooth = (np.load(tmp_path / out / "speech.weights.npy") for out in ("usual", "small", "smooth"))
    assert usual[:, 17].max() > 0.3  # jawOpen
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
    assert np.allclose(angles[:, :3], head_angles(motion), atol=1e-5) and np.abs(angles[:, :3]).max() > 0.005
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


def test_list_identities():
    names = call("animate", "--list-identities").stdout.split()
    assert len(names) >= 2


def test_interrupt_is_130(tmp_path, sound, fake_models, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sedtalker_cli.pipeline.Pipeline.diarize", stop)
    result = call("diarize", sound, "--out", tmp_path / "out", expect=130)
    assert "interrupted" in result.stderr
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback(tmp_path, sound, fake_models, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("sedtalker_cli.pipeline.Pipeline.diarize", fail)
    result = call("diarize", sound, "--out", tmp_path / "out", expect=1)
    assert "internal error: ZeroDivisionError: oops" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in call("diarize", sound, "--out", tmp_path / "out", "--debug", expect=1).stderr


def probe(path) -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_render_and_films(tmp_path, fake_models):
    write_sound(tmp_path / "speech.wav", 0.5)
    out = tmp_path / "out"
    call("animate", tmp_path / "speech.wav", "--out", out, "--render", "--size", "128x128")
    assert made(out) == sorted([*MOTION_FILES, "speech.mp4"])
    said = probe(out / "speech.mp4")
    assert "h264" in said
    assert "yuv420p" in said
    assert "128x128" in said
    assert "30 fps" in said
    assert "aac" in said
    call("render", out, "--out", tmp_path / "films", "--size", "160x128")
    assert made(tmp_path / "films") == ["speech.mp4"]
    said = probe(tmp_path / "films/speech.mp4")
    assert "160x128" in said
    assert "aac" in said
    (tmp_path / "speech.wav").rename(tmp_path / "gone.wav")
    call("render", out / "speech.npy", "--out", tmp_path / "silent", "--size", "128x128")
    assert "aac" not in probe(tmp_path / "silent/speech.mp4")
    (tmp_path / "gone.wav").rename(tmp_path / "speech.wav")
    call("animate", tmp_path / "speech.wav", "--out", out, "--overwrite", "--head-motion", "on")
    call("render", out, "--out", tmp_path / "moved", "--size", "160x128")
    assert made(tmp_path / "moved") == ["speech.mp4"]
    np.save(out / "speech.head.npy", np.zeros((3, 4, 4), np.float32))
    again = ("render", out / "speech.npy", "--out", tmp_path / "moved", "--size", "160x128", "--resume")
    assert re.search(r"speech\.head\.npy: is not a head motion \(15, 4, 4\)", call(*again, expect=1).stderr)
    (out / "speech.head.npy").unlink()
    assert "speech.head.npy: does not exist" in call(*again, expect=1).stderr
    (out / "speech.json").unlink()
    result = call("render", out / "speech.npy", "--out", tmp_path / "none", expect=1)
    assert "speech.json: does not exist" in result.stderr
    assert tree(tmp_path / "none") == []


def test_render_refuses_what_does_not_fit(tmp_path, sound, fake_models):
    np.save(tmp_path / "a.npy", np.zeros((3, 10, 3), np.float32))
    (tmp_path / "a.json").write_text('{"fps": 30}')
    result = call("render", tmp_path / "a.npy", "--out", tmp_path / "out", expect=1)
    assert "a.npy: has 10 vertices" in result.stderr
    (tmp_path / "a.json").write_text('{"fps": 30, "identity": "nobody"}')
    assert "a.json" in call("render", tmp_path / "a.npy", "--out", tmp_path / "out", expect=1).stderr
    result = call("render", tmp_path / "a.npy", tmp_path / "b.npy", "--audio", sound, "-o", tmp_path, expect=2)
    assert "--audio is for one motion" in result.stderr
    assert tree(tmp_path / "out") == []


@needs_weights
def test_diarize_with_the_real_weights(tmp_path):
    write_sound(tmp_path / "a.wav", 2.0, 44100)
    (tmp_path / "b.wav").write_text("no sound")
    result = run_cli("diarize", "a.wav", "b.wav", "--out", "out", "--json", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed"]
    assert made(tmp_path / "out") == ["a.emotion.csv", "a.rttm", "failures.csv"]
    segments = read_rttm(tmp_path / "out/a.rttm")["a"]
    assert segments[0].onset == 0
    assert segments[-1].end == pytest.approx(2.0)
    assert len(read_emotion_csv(tmp_path / "out/a.emotion.csv").labels) == 100
    assert "Traceback" not in result.stderr


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


def test_wheel_ships_weights_and_face(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert "sedtalker_cli/face/data/head.npz" in names
    assert {f"sedtalker_cli/outputs/page/viewer.{kind}" for kind in ("html", "css", "js")} <= names
    for path in (ROOT / "weights").rglob("*"):
        if path.is_file():
            assert f"sedtalker_cli/weights/{path.relative_to(ROOT / 'weights').as_posix()}" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests/")]


@pytest.mark.needs("opengl")
def test_opengl_and_triton_live_in_one_process():
    code = (
        "from sedtalker_cli.render.libraries import load_triton_first\n"
        "from sedtalker_cli.render import choose_renderer\n"
        "load_triton_first(); choose_renderer()\n"
        "import torch._dynamo\n"  # imports Triton where there is one
        "print('alive')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (result.returncode, result.stdout) == (0, "alive\n"), result.stderr
