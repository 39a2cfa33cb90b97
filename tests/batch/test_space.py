"""A run whose outputs will not fit on the disk is refused before any work."""

import shutil
import struct

import pytest

from sedtalker_cli.batch.space import byte_count
from tests.commands import call, made
from tests.conftest import ROOT, tree, write_sound

ALL_VERTICES = ("--export", "obj,pc2,mdd")  # nine times the bytes of STEM.npy alone


def sparse_wave(path, seconds):
    """Silence of 8 kHz, 8 bits, which takes no room where file systems know holes."""
    count = round(seconds * 8000)
    header = b"RIFF" + struct.pack("<I", 36 + count) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    with open(path, "wb") as file:
        file.write(header + b"data" + struct.pack("<I", count))
        file.truncate(44 + count)
    return path


@pytest.fixture
def too_long(tmp_path):
    """Recordings whose vertices, as NPY, OBJ, PC2 and MDD, exceed what is free; or a skip where that is too much."""
    free, per_second = shutil.disk_usage(tmp_path).free, 25e6  # bytes of vertices a second, at least
    files = [sparse_wave(tmp_path / "a.wav", min(1.2 * free / per_second, 500_000))]
    while len(files) * 500_000 * per_second < free:
        files.append(sparse_wave(tmp_path / f"{len(files)}.wav", 500_000))
    return files


def test_outputs_that_do_not_fit_are_refused_at_once(tmp_path, too_long, fake_models):
    result = call("animate", *too_long, "-o", tmp_path / "out/deep", *ALL_VERTICES, expect=2)
    (line,) = result.stderr.splitlines()
    assert "the outputs need about" in line and "are free there; add --no-vertices" in line
    assert tree(tmp_path / "out") == []
    result = call("animate", *too_long, "-o", tmp_path / "out", "--no-vertices", *ALL_VERTICES, expect=2)
    assert "free there; choose another folder" in result.stderr


@pytest.mark.parametrize("options", [(), ("--no-vertices",), ("--export", "obj,pc2,glb,usd"), ("--html",)])
def test_the_sum_is_about_what_is_written(tmp_path, fake_models, options):
    from sedtalker_cli.batch.inputs import Job
    from sedtalker_cli.outputs.exports.registry import parse_formats
    from sedtalker_cli.tasks.animate import AnimateTask, AnimationFiles

    pytest.importorskip("pxr")
    sound = write_sound(tmp_path / "speech.wav", 4.0)
    call("animate", sound, "-o", tmp_path / "out", *options)
    written = sum((tmp_path / "out" / name).stat().st_size for name in made(tmp_path / "out"))
    exports = parse_formats(options[1:]) if "--export" in options else ()
    files = AnimationFiles("--no-vertices" not in options, exports, page="--html" in options)
    task = AnimateTask(out=tmp_path / "out", files=files)
    assert task.size(Job(sound, sound.relative_to(tmp_path))) == pytest.approx(written, rel=0.35)


def test_a_header_that_lies_does_not_stop_the_work(tmp_path, sound, fake_models):
    """A FLAC file that says it lasts 99 days is 20 kB long."""
    import soundfile

    flac = tmp_path / "long.flac"
    soundfile.write(flac, *soundfile.read(sound))
    content = bytearray(flac.read_bytes())
    place = content.index(b"fLaC") + 8 + 13  # the low 36 bits of 8 bytes of STREAMINFO
    content[place] |= 0x0F
    content[place + 1 : place + 5] = b"\xff" * 4
    flac.write_bytes(content)
    assert soundfile.info(flac).frames > 6e10
    from sedtalker_cli.batch.inputs import Job
    from sedtalker_cli.tasks.animate import AnimateTask

    assert AnimateTask().size(Job(flac, flac.relative_to(tmp_path))) < 1e9


def test_byte_counts_are_short():
    counts = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 9_960: "10 kB", 184_204_800: "184 MB", 999_600_000: "1.0 GB"}
    assert {count: byte_count(count) for count in counts} == counts


def test_the_papers_give_the_size_of_vertices():
    from sedtalker_cli.face.head import load_head

    megabytes = round(len(load_head().neutral) * 3 * 4 * 30 * 60 / 1e6)
    for name in ("README.md", "docs/guide/datasets.md", "docs/guide/animate.md", "CHANGELOG.md"):
        assert str(megabytes) in (ROOT / name).read_text(encoding="utf-8"), name
