"""A real Ray cluster of several processes on this machine, some of which are killed."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from sedtalker_cli.batch.cluster import RayCluster
from sedtalker_cli.batch.inputs import collect_jobs
from sedtalker_cli.batch.processing import Plan
from sedtalker_cli.batch.run import run_batch
from tests.batch.texts import SUFFIXES, Ears, TextTask, content, make_inputs, run, visible
from tests.conftest import ROOT, needs_weights, run_cli, write_sound

ray = pytest.importorskip("ray")
USUAL_PRIORITY = "0"  # Ray's workers are polite (nice 15), and starve beside other work


@pytest.fixture(autouse=True)
def workers_that_hurry(monkeypatch):
    monkeypatch.setenv("RAY_worker_niceness", USUAL_PRIORITY)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@dataclass
class Fragile(TextTask):
    """The worker of an input that says `once` is killed at the first attempt."""

    def work(self, job, stem: Path, progress):
        mark = job.source.with_suffix(".mark")
        if "once" in job.source.read_text() and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().work(job, stem, progress)


def test_lost_workers_are_replaced(tmp_path):
    make_inputs(tmp_path, a="fine", b="once", c="input", d="kill", e="fine", f="once more")
    jobs, bad = collect_jobs([tmp_path / "in"], accepts=lambda path: path.suffix == ".txt")
    plan = Plan("diarize", tmp_path / "out", SUFFIXES)
    results = run_batch(jobs, plan, Fragile(), Ears(), bad=bad, engine=RayCluster("local"))
    assert [r.status for r in results] == ["done", "done", "failed", "failed", "done", "done"]
    assert "d.txt: its worker was lost 4 times" in results[3].message
    assert visible(tmp_path / "out") == sorted([*(f"{n}.{s}.txt" for n in "abef" for s in "ab"), "failures.csv"])
    assert not list((tmp_path / "out/.sedtalker").glob(".part-*"))
    for path in (tmp_path / "in").glob("*.mark"):
        path.unlink()
    (tmp_path / "out").rename(tmp_path / "cluster")
    for name in "cd":
        (tmp_path / f"in/{name}.txt").unlink()
    run(tmp_path)
    here = content(tmp_path / "out")
    assert here == {name: data for name, data in content(tmp_path / "cluster").items() if "failures.csv" not in name}


def listening() -> dict[str, str]:
    """Addresses of all sockets of this machine that take calls, by the number of their file."""
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return {line[9]: line[1].rpartition(":")[0] for line in lines if line[3] == "0A"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="the system does not list its sockets so")
def test_an_engine_on_this_machine_takes_no_calls_from_others(tmp_path):
    """127.0.0.1 alone, as a number of IPv4 and within IPv6."""
    before, during = listening(), {}

    class Watcher(Ears):
        def finished(self, result):
            during.update(listening())

    make_inputs(tmp_path, a="fine")
    jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda path: path.suffix == ".txt")
    run_batch(jobs, Plan("diarize", tmp_path / "out", SUFFIXES), TextTask(), Watcher(), engine=RayCluster("local"))
    added = [address for socket, address in during.items() if socket not in before]
    assert len(added) > 3
    assert set(added) <= {"0100007F", "0000000000000000FFFF00000100007F"}


@dataclass
class Slow(TextTask):
    """Leaves time for a node to go."""

    def work(self, job, stem: Path, progress):
        time.sleep(1.0)
        return super().work(job, stem, progress)


def test_a_node_is_lost_midway(tmp_path):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()

        class Saboteur(Ears):
            def finished(self, result):
                super().finished(result)
                if len(self.heard) == 2:
                    cluster.remove_node(node, allow_graceful=False)

        make_inputs(tmp_path, **{name: f"fine {name}" for name in "abcdef"})
        jobs, _ = collect_jobs([tmp_path / "in"], accepts=lambda path: path.suffix == ".txt")
        plan, listener = Plan("diarize", tmp_path / "out", SUFFIXES), Saboteur()
        results = run_batch(jobs, plan, Slow(), listener, engine=RayCluster(cluster.address))
    finally:
        cluster.shutdown()
    assert [r.status for r in results] == ["done"] * 6
    assert sorted(name for _, name in listener.heard) == [f"{name}.txt" for name in "abcdef"]
    assert visible(tmp_path / "out") == sorted(f"{n}.{s}.txt" for n in "abcdef" for s in "ab")


def test_no_cluster_there(tmp_path):
    write_sound(tmp_path / "a.wav")
    result = run_cli("diarize", "a.wav", "--engine", "ray", "--address", "nowhere", cwd=tmp_path)
    assert result.returncode == 2
    assert "--address nowhere: no Ray cluster answers" in result.stderr
    assert result.stderr.count("\n") == 1


@needs_weights
def test_same_bytes_as_here(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_sound(tmp_path / f"in/{name}.wav")
    for out, options in (("here", ()), ("cluster", ("--engine", "ray", "--address", "local"))):
        result = run_cli("diarize", "in", "--out", out, *options, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert content(tmp_path / "cluster") == content(tmp_path / "here")
