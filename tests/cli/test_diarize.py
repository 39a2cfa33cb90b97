"""`sedtalker diarize`: its files, its inputs, its errors."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm
from tests.commands import call, made
from tests.conftest import needs_weights, run_cli, tone, write_sound


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


def test_what_a_search_passes_over_is_said(tmp_path, fake_models):
    (tmp_path / "in").mkdir()
    write_sound(tmp_path / "in/a.wav")
    for name in ("notes.txt", "b.TXT", "README", "c.wav.part"):
        (tmp_path / "in" / name).write_text("x")
    result = call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()][1:] == [
        {
            "input": str(tmp_path / "in"),
            "status": "passed over",
            "outputs": {},
            "seconds": 0.0,
            "files": 4,
            "suffixes": {".txt": 2, "": 1, ".part": 1},
        }
    ]
    assert result.stderr.splitlines()[-1] == (
        "passed over 4 files by name (2 .txt, 1 without suffix, 1 .part); to have one tried, name it"
    )
    write_sound(tmp_path / "in/d.wav")
    result = call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--overwrite")
    assert result.stderr.splitlines()[-2] == "2 done, 0 skipped, 0 failed"
    quiet = call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--overwrite", "--quiet")
    assert quiet.stdout == quiet.stderr == ""
    alone = call("diarize", tmp_path / "in/a.wav", "--out", tmp_path / "out2", "--json")
    assert alone.stdout.count("\n") == 1 and "passed over" not in alone.output


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


@needs_weights
def test_nothing_is_imported_that_it_does_not_need(tmp_path):
    write_sound(tmp_path / "a.wav", 1.0, 16000)
    code = (
        "import sys; from sedtalker_cli.cli import main; sys.argv[1:] = ['diarize', 'a.wav', '--out', 'out']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print('LOADED', *sys.modules)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split("LOADED")[1].split())
    assert "sedtalker_cli.model.diarizer" in loaded
    assert not loaded & {"scipy", "pandas", "transformers", "trimesh", "sedtalker_cli.model.animator"}
