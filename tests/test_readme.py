"""The README in brief, and its Python example at work."""

import re
import shutil

import pytest

from tests.conftest import ROOT, needs_animator

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short():
    assert len(README.splitlines()) <= 150


def test_its_picture_is_small():
    (picture,) = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert 10_000 < (ROOT / picture).stat().st_size < 300_000


@needs_animator
@pytest.mark.parametrize("paper", ["README.md", "docs/guide/python.md"])
def test_its_python_runs(paper, tmp_path, monkeypatch, capsys):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", (ROOT / paper).read_text(), re.MULTILINE | re.DOTALL))
    shutil.copy(ROOT / "examples" / "party.flac", tmp_path / "speech.wav")  # files are read by content
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(code, paper, "exec"), names)
    motion, pipeline = names["motion"], names["pipeline"]
    assert motion.weights.shape == (len(motion.vertices), 52)
    assert abs(len(motion.weights) / 60 - pipeline.diarize("speech.wav").duration) < 1 / 60
    spoken = capsys.readouterr().out.splitlines()
    assert spoken[0].startswith("0.0 ") and spoken[0].split()[2] in pipeline.classes
