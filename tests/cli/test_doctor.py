"""`sedtalker doctor`: what is there, in lines and as JSON."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

from sedtalker_cli.model.weights import weights_dir
from sedtalker_cli.tasks.doctor import examine
from sedtalker_cli.version import __version__
from tests.commands import call
from tests.conftest import needs_animator, run_cli


def checksum(folder) -> str:
    return hashlib.sha256(
        (folder / "config.json").read_bytes() + (folder / "model.safetensors").read_bytes()
    ).hexdigest()


@needs_animator
def test_doctor_finds_what_is_there():
    lines = call("doctor", "--json").stdout.splitlines()
    found = {finding["name"]: finding for finding in map(json.loads, lines)}
    assert found["sedtalker"] == {"name": "sedtalker", "state": "ok", "value": __version__}
    assert found["cores"]["value"] == f"{len(os.sched_getaffinity(0))} may be used of {os.cpu_count()}"
    for name in ("encoder", "diarizer", "animator"):
        folder = weights_dir(name)
        assert found[f"weights/{name}"]["value"] == f"sha256 {checksum(folder)} ({folder})"
    import torch

    assert found["torch"]["value"] == torch.__version__.split("+")[0]
    assert torch.__version__ in found["cuda"]["value"] or found["cuda"]["state"] == "ok"
    assert "ffmpeg" in found["ffmpeg"]["value"] and found["ffmpeg"]["state"] == "ok"
    assert found["mamba-ssm"]["state"] in ("ok", "not installed")
    text = call("doctor").stdout
    assert [line.split()[0] for line in text.splitlines()] == list(found)


def test_cores_are_those_that_are_allowed():
    """Containers and clusters allow fewer than the machine has."""
    one = sorted(os.sched_getaffinity(0))[0]
    script = f"import os; os.sched_setaffinity(0, {{{one}}}); from sedtalker_cli.tasks.doctor import examine; "
    script += "print(next(f.value for f in examine() if f.name == 'cores'))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("1 may be used of ")


@needs_animator
def test_doctor_names_what_is_missing(tmp_path, monkeypatch):
    """Weights of another encoder, a damaged configuration, and an ffmpeg that is not there."""
    for name in ("encoder", "diarizer", "animator"):
        shutil.copytree(weights_dir(name), tmp_path / name)
    with open(tmp_path / "encoder/model.safetensors", "ab") as file:
        file.write(b"\0")
    (tmp_path / "animator/config.json").write_text("{")
    environment = {"SEDTALKER_WEIGHTS": str(tmp_path), "IMAGEIO_FFMPEG_EXE": str(tmp_path / "none")}
    done = run_cli("doctor", "--quiet", environment=environment)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ffmpeg", "missing"],
        ["weights/diarizer", "missing"],
        ["weights/animator", "missing"],
    ]
    assert "was trained with another encoder" in lines[1] and "config.json" in lines[2]


def test_nothing_is_found_twice():
    names = [finding.name for finding in examine()]
    assert len(set(names)) == len(names)
