"""The notebook in examples/ runs from top to bottom and shows what it promises."""

import shutil

import pytest

from tests.conftest import ROOT, needs_animator

NOTEBOOK = ROOT / "examples/look.ipynb"


def kinds(cell) -> set[str]:
    """What a cell shows, as MIME types."""
    return {kind for output in cell.outputs for kind in output.get("data", ())}


def test_it_is_kept_without_outputs():
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@needs_animator
def test_it_runs(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    shutil.copy(ROOT / "examples/promise.flac", tmp_path)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    posteriors, sound, film, lips = code[1:]
    assert "image/png" in kinds(posteriors) and "image/png" in kinds(lips)
    (audio,) = (output.data["text/html"] for output in sound.outputs)
    assert "<audio" in audio and "base64" in audio
    (video,) = (output.data["text/html"] for output in film.outputs if "text/html" in output.get("data", ()))
    assert "<video" in video and "base64" in video
    assert (tmp_path / "promise.mp4").stat().st_size > 50_000
