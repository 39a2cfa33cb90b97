"""Worker processes: same results as one process, one that dies fails one input, nothing stays behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.processing import Plan
from sedtalker_cli.batch.run import exit_status, run_batch
from sedtalker_cli.batch.workers import Workers, costs_of, longest_first
from sedtalker_cli.errors import UsageError
from tests.batch.texts import SUFFIXES, Ears, TextTask, content, make_inputs, run, visible
from tests.conftest import ROOT, needs_animator, run_cli, tree, write_sound

METHODS = ["fork", "spawn"]


@pytest.mark.parametrize("method", METHODS)
def test_results_are_those_of_one_process(tmp_path, method):
    make_inputs(tmp_path, **{f"n{k}": str(k) * 9 for k in range(7)}, bad="input", sub__x="deep")
    alone, _ = run(tmp_path)
    expected = content(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "alone")
    several, ears = run(tmp_path, engine=Workers(3, method))
    assert content(tmp_path / "out") == expected
    assert [(r.source, r.status, r.message, r.outputs, r.details) for r in several] == [
        (r.source, r.status, r.message, r.outputs, r.details) for r in alone
    ]
    assert sorted(name for kind, name in ears.heard if kind == "started") == sorted(r.source.name for r in alone)
    again, _ = run(tmp_path, engine=Workers(3, method), resume=True)
    assert [r.status for r in again] == ["failed", *["skipped"] * 8]


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_that_dies_fails_its_input_only(tmp_path, method):
    make_inputs(tmp_path, a="fine", b="kill", c="fine", d="leave", e="fine", f="kill", g="fine")
    results, _ = run(tmp_path, engine=Workers(2, method))
    assert [r.status for r in results] == ["done", "failed", "done", "failed", "done", "failed", "done"]
    assert exit_status(results) == 1
    assert re.search(
        r"b\.txt: its worker process was killed \(SIGKILL, .*memory\); use fewer --jobs", results[1].message
    )
    assert "ended by itself (status 3)" in results[3].message
    assert visible(tmp_path / "out") == sorted([*(f"{n}.{s}.txt" for n in "aceg" for s in "ab"), "failures.csv"])
    assert not list((tmp_path / "out/.sedtalker").glob(".part-*"))


def test_long_inputs_come_first(tmp_path):
    make_inputs(tmp_path, a="x", b="xxx", c="xx", d="xxx")
    _, ears = run(tmp_path, engine=Workers(1))
    assert [name for kind, name in ears.heard if kind == "started"] == ["b.txt", "d.txt", "c.txt", "a.txt"]
    assert longest_first([], {}) == []


class Puzzled(TextTask):
    """A library stumbles over some inputs before any work."""

    def cost(self, job):
        if job.source.suffix == ".raw":
            raise TypeError("No format specified and unable to get format from file extension")
        return super().cost(job)


def test_what_cannot_be_looked_at_comes_last_and_stops_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.raw").write_text("long " * 99)
    os.mkfifo(tmp_path / "in/b.txt")  # nobody writes to it: opening it would wait for ever
    (tmp_path / "in/c.txt").write_text("xx")
    jobs = [Job(path, Path(path.stem)) for path in sorted((tmp_path / "in").iterdir())]
    assert [job.source.name for job in longest_first(jobs, costs_of(jobs, Puzzled()))] == ["c.txt", "a.raw", "b.txt"]
    results = run_batch(jobs, Plan("diarize", tmp_path / "out", SUFFIXES), TextTask(), Ears(), engine=Workers(2))
    assert [result.status for result in results] == ["done", "failed", "done"]
    assert "b.txt: is not a regular file" in results[1].message


class Unloadable(TextTask):
    """Its models are missing."""

    def load(self, threads=1):
        raise UsageError("no models here")


@pytest.mark.parametrize("method", METHODS)
def test_models_that_cannot_be_loaded_end_the_run(tmp_path, method, monkeypatch):
    monkeypatch.setattr("tests.batch.texts.TextTask", Unloadable)
    make_inputs(tmp_path, a="fine", b="fine")
    with pytest.raises(UsageError, match="no models here"):
        run(tmp_path, engine=Workers(2, method))
    assert tree(tmp_path / "out") == []


def cli(*arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "sedtalker_cli", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def recordings(tmp_path):
    """Lengths of one and of several windows."""
    (tmp_path / "in").mkdir()
    for name, seconds in {"a": 0.5, "b": 2.0, "c": 1.0, "long": 25.0}.items():
        write_sound(tmp_path / f"in/{name}.wav", seconds)
    return tmp_path / "in"


@needs_animator
def test_bytes_do_not_depend_on_jobs_nor_threads(tmp_path, recordings):
    made = {}
    for jobs, environment in ((1, {"OMP_NUM_THREADS": "1"}), (1, {"OMP_NUM_THREADS": "3"}), (2, {})):
        out = tmp_path / f"out{len(made)}"
        result = run_cli("animate", recordings, "--out", out, "--jobs", jobs, environment=environment)
        assert result.returncode == 0, result.stderr
        made[out] = content(out)
    first, *others = made.values()
    assert len(first) == 4 * 7
    for other in others:
        assert [name for name in first if first[name] != other.get(name)] == []


@needs_animator
def test_adapted_batches_and_films_do_not_depend_on_jobs(tmp_path, recordings):
    (recordings / "long.wav").unlink()
    made = []
    for jobs in (1, 2):
        motions, films = tmp_path / f"motions{jobs}", tmp_path / f"films{jobs}"
        result = run_cli("animate", recordings, "--adapt", "--out", motions, "--jobs", jobs)
        assert result.returncode == 0, result.stderr
        options = ("--out", films, "--sheet", "--frames", 2, "--size", "160x120", "--jobs", jobs)
        result = run_cli("render", *sorted((tmp_path / "motions1").glob("?.npy")), *options)
        assert result.returncode == 0, result.stderr
        made.append((content(motions), content(films)))
    assert made[0] == made[1] and len(made[0][1]) == 3 * 2


@needs_animator
def test_killed_and_resumed_is_as_never_killed(tmp_path, recordings):
    result = run_cli("animate", recordings, "--out", tmp_path / "whole")
    assert result.returncode == 0, result.stderr
    out = tmp_path / "out"
    arguments = ("animate", recordings, "--out", out, "--resume", "--jobs", 2, "--json")
    for kill in range(3):
        process = cli(*arguments)
        if kill:
            process.stdout.readline()  # one more input is done
        else:
            time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = cli(*arguments)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert content(out) == content(tmp_path / "whole")


@needs_animator
def test_interrupted_workers_leave_nothing(tmp_path, recordings):
    out = tmp_path / "out"
    process = cli("animate", recordings, "--out", out, "--jobs", 2, "--json")
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert (process.returncode, first["status"]) == (130, "done"), said
    assert "interrupted" in said and "Traceback" not in said
    assert not list(out.rglob(".part-*"))
