"""Names of files as people and programs give them: all outputs bear them, and errors stay one line."""

import csv
import json
import os

import pytest

from sedtalker_cli.formats.rttm import read_rttm
from tests.commands import call, made
from tests.conftest import write_sound

NAMES = ["tab\there", "new\nline", "=1+1", "100%d", "a:b", "[x]*?", "quo\"te'", " space ", "@FACTS@", "é\u202e", "-o"]
NAMES += [os.fsdecode(b"\xff\xfe bytes")]


@pytest.mark.parametrize("name", NAMES)
def test_every_output_bears_the_name(tmp_path, fake_models, name):
    (tmp_path / "in").mkdir()
    write_sound(tmp_path / "in/a.wav", 0.2).rename(tmp_path / f"in/{name}.wav")
    (tmp_path / "in" / f"{name} too.wav").write_text("no sound")
    out = tmp_path / "out"
    files = ("--html", "--export", "glb,arkit-csv,obj", "--summary", tmp_path / "summary.csv", "--json")
    result = call("animate", tmp_path / "in", "--out", out, *files, expect=1)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(line["status"] for line in lines) == ["done", "failed"], result.stderr
    assert [line["input"] for line in lines if line["status"] == "done"] == [f"{tmp_path}/in/{name}.wav"]
    for line in result.stderr.splitlines():
        assert line.startswith(("error: ", "done: ", "0 done", "1 done", "  "))
    suffixes = (".rttm", ".emotion.csv", ".npy", ".json", ".html", ".glb", ".arkit.csv", ".obj/000000.obj")
    assert {f"{name}{suffix}" for suffix in suffixes} <= set(made(out))
    (uri,) = read_rttm(out / f"{name}.rttm")
    assert not any(letter.isspace() for letter in uri)
    call("render", out / f"{name}.npy", "--out", tmp_path / "again", "--export", "arkit-csv")
    assert made(tmp_path / "again") == [f"{name}.arkit.csv"]
    again = call("animate", tmp_path / "in", "--out", out, *files, "--resume", expect=1)
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()].count("skipped") == 1
    call("merge", out, "--out", tmp_path / "merged")
    for table in (tmp_path / "summary.csv", out / "failures.csv", tmp_path / "merged/failures.csv"):
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert all(len(row) == len(rows[0]) and None not in row for row in rows)
