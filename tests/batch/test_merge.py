"""Parts of a dataset, and the whole of them."""

import csv
import json

import pytest

from sedtalker_cli.batch.failures import read_failures
from sedtalker_cli.formats.rttm import read_rttm
from tests.commands import call, made
from tests.conftest import tree, write_sound


def test_parts_merge_to_the_whole(tmp_path, fake_models):
    for name in ("a", "b c", "sub/a", "sub/d", "e"):
        (tmp_path / "in/sub").mkdir(parents=True, exist_ok=True)
        write_sound(tmp_path / f"in/{name}.wav", 0.5)
    (tmp_path / "in/bad.wav").write_text("no sound")
    common = ("diarize", tmp_path / "in", "-r", "--resume", "--out")
    call(*common, tmp_path / "whole", expect=1)
    statuses = [
        call(*common, tmp_path / "shared", "--shard", f"{n}/3", expect=int(n == 3)).exit_code for n in (1, 2, 3)
    ]
    assert statuses == [0, 0, 1]
    whole = [name for name in made(tmp_path / "whole") if name != "failures.csv"]
    assert made(tmp_path / "shared") == sorted([*whole, "failures.3-of-3.csv"])
    for number in (1, 2, 3):
        call(*common, tmp_path / f"own{number}", "--shard", f"{number}/3", expect=int(number == 3))
    call("merge", tmp_path / "whole", "--out", tmp_path / "m1")
    call("merge", tmp_path / "shared", "--out", tmp_path / "m2")
    result = call("merge", *(tmp_path / f"own{n}" for n in (3, 1, 2)), "--out", tmp_path / "m3", "--json")
    files = ["emotions.csv", "emotions.rttm", "failures.csv", "summary.json"]
    for out in ("m1", "m2", "m3"):
        assert tree(tmp_path / out) == files
        for name in files:
            assert (tmp_path / out / name).read_bytes() == (tmp_path / "m1" / name).read_bytes(), (out, name)
    rows = list(csv.DictReader((tmp_path / "m1/emotions.csv").open(newline="")))
    assert list(dict.fromkeys(row["uri"] for row in rows)) == ["a", "b_c", "e", "sub/a", "sub/d"]
    assert list(read_rttm(tmp_path / "m1/emotions.rttm")) == ["a", "b_c", "e", "sub/a", "sub/d"]
    assert len(rows) == 5 * 25
    summary = json.loads(result.stdout)
    assert summary == {
        "recordings": 5,
        "damaged": 0,
        "failed": 1,
        "seconds": 2.5,
        "seconds_by_emotion": {"happy": 1.2, "sad": 1.3},
    }


def test_what_cannot_be_merged(tmp_path, sound, fake_models):
    for out in ("x", "y"):
        call("diarize", sound, "--out", tmp_path / out)
    said = call("merge", tmp_path / "x", tmp_path / "y", "--out", tmp_path / "m", expect=2).stderr
    assert "x/speech.emotion.csv and" in said and "would both be speech" in said
    assert "is no folder" in call("merge", tmp_path / "none", "--out", tmp_path / "m", expect=2).stderr
    (tmp_path / "empty").mkdir()
    assert "holds no .emotion.csv" in call("merge", tmp_path / "empty", "--out", tmp_path / "m", expect=1).stderr
    assert not (tmp_path / "m").exists()
    call("merge", tmp_path / "x", tmp_path / "x", "--out", tmp_path / "m")  # one folder named twice is one
    assert "already exists" in call("merge", tmp_path / "x", "--out", tmp_path / "m", expect=2).stderr
    (tmp_path / "y/speech.rttm").unlink()
    assert "speech.rttm: does not exist" in call("merge", tmp_path / "y", "--out", tmp_path / "n", expect=1).stderr
    assert [name for name in tree(tmp_path / "n") if "part" in name or name == "emotions.csv"] == []


def test_one_damaged_recording_does_not_spoil_the_rest(tmp_path, fake_models):
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c", "d", "e"):
        write_sound(tmp_path / f"in/{name}.wav", 0.5)
    call("diarize", tmp_path / "in", "--out", tmp_path / "out")
    (tmp_path / "out/e.emotion.csv").write_text("x" * 200_000)  # more than a cell may hold
    (tmp_path / "out/a.emotion.csv").write_text("no table")
    table = (tmp_path / "out/b.emotion.csv").read_text()
    (tmp_path / "out/b.emotion.csv").write_text(table[:-20])  # cut within its last row
    (tmp_path / "out/c.rttm").unlink()
    result = call("merge", tmp_path / "out", "--out", tmp_path / "m", "--json", expect=1)
    assert json.loads(result.stdout) | {"seconds_by_emotion": None} == {
        "recordings": 1,
        "damaged": 4,
        "failed": 0,
        "seconds": 0.5,
        "seconds_by_emotion": None,
    }
    assert "4 damaged and left out" in result.stderr
    assert list(read_rttm(tmp_path / "m/emotions.rttm")) == ["d"]
    with (tmp_path / "m/emotions.csv").open(newline="") as file:
        assert [row["uri"] for row in csv.DictReader(file)] == ["d"] * 25
    named = dict(read_failures(tmp_path / "m/failures.csv"))
    assert "is no table of emotions" in named[str((tmp_path / "out/a.emotion.csv").resolve())]
    assert "cells; make it again" in named[str((tmp_path / "out/b.emotion.csv").resolve())]
    assert "c.rttm: does not exist" in named[str((tmp_path / "out/c.emotion.csv").resolve())]
    assert "not a CSV line" in named[str((tmp_path / "out/e.emotion.csv").resolve())]


def test_failures_that_a_later_run_mended_do_not_count(tmp_path, fake_models):
    """In the same folder with other shares, and in another one; a failure after a success counts."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        (tmp_path / f"in/{name}.wav").write_text("no sound")
    for number in (1, 2):
        call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--shard", f"{number}/2", expect=1)
    write_sound(tmp_path / "in/a.wav", 0.5)
    call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--resume", expect=1)
    write_sound(tmp_path / "in/b.wav", 0.5)
    call("diarize", tmp_path / "in/b.wav", "--out", tmp_path / "other")

    def failed(*folders: str) -> list[str]:
        call("merge", *(tmp_path / name for name in folders), "--out", tmp_path / "m", "--overwrite")
        rows = (tmp_path / "m/failures.csv").read_text().splitlines()[1:]
        assert json.loads((tmp_path / "m/summary.json").read_text())["failed"] == len(rows)
        return [row.split(",")[0][-5:] for row in rows]

    assert (tmp_path / "out/failures.2-of-2.csv").exists()
    assert failed("out") == ["b.wav", "c.wav"]
    assert failed("out", "other") == ["c.wav"]
    (tmp_path / "in/a.wav").write_text("no sound again")
    call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--resume", expect=1)
    assert failed("out") == ["a.wav", "c.wav"]
    write_sound(tmp_path / "in/a.wav", 0.5)
    call("diarize", tmp_path / "in", "--out", tmp_path / "out", "--resume", expect=1)
    assert failed("out") == ["c.wav"]


def test_names_are_no_formulas(tmp_path, fake_models):
    (tmp_path / "=in").mkdir()
    write_sound(tmp_path / "=in/@a.wav", 0.1)
    write_sound(tmp_path / "=in/-b.wav", 0.1)
    (tmp_path / "=in/+c.wav").write_text("no sound")
    (tmp_path / "=in/=d.wav").write_text("no sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "=in")
        names = [name for name in ("./-b.wav", "@a.wav", "+c.wav", "=d.wav")]
        call("diarize", *names, "--out", tmp_path / "out", "--summary", tmp_path / "s.csv", expect=1)
    call("merge", tmp_path / "out", "--out", tmp_path / "m")
    for table in ("out/failures.csv", "s.csv", "m/failures.csv", "m/emotions.csv"):
        with (tmp_path / table).open(newline="") as file:
            cells = {cell for row in csv.reader(file) for cell in row}
        assert not [cell for cell in cells if cell[:1] in "=+-@" and cell]
    assert sorted(read_failures(tmp_path / "m/failures.csv"))[0][0] == "+c.wav"
    with (tmp_path / "m/emotions.csv").open(newline="") as file:
        assert {row["uri"] for row in csv.DictReader(file)} == {"'@a", "'-b"}
