"""The command line against hostile inputs: one line, the right exit status, nothing partial and nothing elsewhere."""

import json
import os
import pickle
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from sedtalker_cli.audio.reading import load_audio, stream_audio
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.uem import read_uem
from tests.commands import call
from tests.conftest import tone, tree, write_sound
from tests.hostile.traps import Trap


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said_by(*arguments, expect: int) -> str:
    """What a command says that does not fall over."""
    result = call(*arguments, expect=expect)
    assert isinstance(result.exception, SystemExit | None)
    assert "internal error" not in result.output and "Traceback" not in result.output
    return result.output


def fails(*arguments, expect: int = 1) -> str:
    """The one line that a failure is told in."""
    said = said_by(*arguments, expect=expect)
    assert said.count("\n") == 1 and said.startswith("error: "), said
    return said


# --- names

NAMES = (
    "-x",
    "a b",
    "q'\"",
    "new\nline",
    "ünï 語",
    "$x$",
    "a%d{y}",
    "<b>",
    ";rm -rf ~",
    "\x1b[31m",
    "\u202e",
    "\udcff",
)


def test_names_of_all_kinds(folder, fake_models):
    """All go through every writer; what is written is called after them, and lies in `--out`."""
    for name in NAMES:
        shutil.move(write_sound(folder / "made.wav", 0.3), f"{name}.wav")
    before = tree(folder)
    inputs = [f"{name}.wav" for name in NAMES]
    said = said_by("animate", "--out", "o", "--export", "arkit-csv", "--html", "--", *inputs, expect=0)
    assert said.count("\n") == len(NAMES) + 1  # a line each, and the sum
    formats = ("--format", "json", "--format", "textgrid", "--format", "audacity")
    said_by("diarize", "--out", "p", *formats, "--", *inputs, expect=0)
    for name in NAMES:
        assert (folder / f"o/{name}.npy").is_file() and (folder / f"o/{name}.html").is_file()
        assert (folder / f"p/{name}.TextGrid").is_file()
    assert [f for f in tree(folder) if not f.startswith(("o/", "p/"))] == before


def test_names_that_cannot_be(folder, fake_models):
    for name in ("..wav", "...wav"):
        shutil.move(write_sound(folder / "made.wav", 0.3), name)
        assert "has no name before its suffix" in fails("diarize", name, "--out", "o")
    assert "too long" in fails("diarize", "x" * 5000 + ".wav", "--out", "o")
    assert "too long" in fails("diarize", "..wav", "--out", "x" * 5000)
    fails("animate", "..wav", "--head", "x" * 5000 + ".glb", "--out", "o", expect=2)
    (folder / "l1.wav").symlink_to("l2.wav")
    (folder / "l2.wav").symlink_to("l1.wav")
    assert "symbolic links" in fails("diarize", "l1.wav", "--out", "o")
    (folder / "loop").symlink_to("loop")
    write_sound(folder / "ok.wav", 0.3)
    fails("diarize", "ok.wav", "--out", "loop", expect=2)
    fails("diarize", "--list", "loop", expect=2)
    assert not (folder / "o").exists()


# --- disks


@contextmanager
def small_files(size: int):
    """Files of this process, and of programs that it starts, may only grow to a size; not longer than needed, for the
    tests' own log may be a file, too."""
    resource = pytest.importorskip("resource")
    before, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


@pytest.mark.parametrize(
    ("size", "arguments"),
    [
        (0, ("diarize", "s.wav")),
        (300, ("diarize", "s.wav")),
        (3000, ("diarize", "s.wav", "--plot", "png")),
        (30_000, ("animate", "s.wav")),
        (120_000, ("animate", "s.wav", "--export", "mdd")),
        (3000, ("render", "m/s.npy", "--size", "64x64")),
        (3000, ("render", "m/s.npy", "--size", "64x64", "--png")),
        (3000, ("render", "m/s.npy", "--export", "pc2")),
    ],
)
def test_disk_that_is_full(folder, fake_models, size, arguments):
    write_sound(folder / "s.wav", 0.5)
    said_by("animate", "s.wav", "--out", "m", expect=0)
    before = tree(folder)
    with small_files(size):
        said = fails(*arguments, "--out", "o")
    assert "too large" in said or "could not write" in said or "cannot be written" in said
    assert tree(folder) == before


def test_report_on_a_disk_that_is_full(folder):
    (folder / "a.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> sad <NA> <NA>\n")
    arguments = ("evaluate", "diarization", "--reference", "a.rttm", "--hypothesis", "a.rttm", "--out", "o")
    with small_files(10):
        said = fails(*arguments)
    assert "File too large" in said
    assert tree(folder / "o") == []


# --- files beside a motion


@pytest.fixture
def motion(folder, fake_models) -> Path:
    write_sound(folder / "s.wav", 0.3)
    said_by("animate", "s.wav", "--out", "m", "--head-motion", "on", expect=0)
    return folder / "m"


def rendered(motion: Path, *arguments, **changes) -> str:
    """`render` with a sidecar that says something else; nothing may be made, least of all elsewhere."""
    sidecar = json.loads((motion / "s.json").read_text()) | changes
    (motion / "s.json").write_text(json.dumps(sidecar))
    before = tree(motion.parent)
    said = fails("render", "m/s.npy", "--out", "o", *(arguments or ("--export", "glb")))
    assert tree(motion.parent) == before
    return said


@pytest.mark.parametrize(
    "change",
    [
        *({"fps": value} for value in (0, -1, 10**30, "30", None, True, [30])),
        *({"head_file": value} for value in (3, "", "/dev/zero", "../../../etc/passwd", "x" * 5000, "a\0b", "\ud800")),
        *({"head_motion_file": value} for value in (3, "", "/dev/zero", "../s.wav", "x" * 5000, "a\0b", "\ud800")),
        *({"identity": value} for value in (3, [], "nobody", "\ud800")),
    ],
    ids=lambda change: repr(change)[:40],
)
def test_sidecars(motion, change):
    rendered(motion, **change)


def test_sidecars_names_are_not_written_to(motion):
    """Names in a sidecar are read from at most: what is made lies in `--out`, called after the motion."""
    names = ("faces_file", "weights_file", "emotion_file", "head_motion_file", "topology", "head_sha256")
    sidecar = json.loads((motion / "s.json").read_text())
    shutil.copy(motion / "s.head.npy", motion.parent / "elsewhere.npy")
    sidecar |= dict.fromkeys(names, "../elsewhere.npy") | {"audio": "../s.wav"}
    (motion / "s.json").write_text(json.dumps(sidecar))
    before = {name: (motion.parent / name).read_bytes() for name in tree(motion.parent)}
    said_by("render", "m/s.npy", "--out", "o", "--export", "glb,obj,npy,mdd", "--html", expect=0)
    after = tree(motion.parent)
    assert all(name.startswith("o/") for name in set(after) - set(before))
    assert all((motion.parent / name).read_bytes() == content for name, content in before.items())


def test_sounds_of_sidecars_are_sounds(motion):
    """A playlist would make ffmpeg open what it lists."""
    (motion / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n../s.wav\n#EXT-X-ENDLIST\n")
    (motion / "list.ffconcat").write_text("ffconcat version 1.0\nfile ../s.wav\n")
    for name in ("list.m3u8", "list.ffconcat", "/etc/passwd"):
        rendered(motion, "--html", audio=name)
        rendered(motion, "--film", "--size", "64x64", audio=name)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("s.npy", lambda a: a * np.float32("nan")),
        ("s.npy", lambda a: a + np.float32(1e30)),
        ("s.npy", lambda a: a.astype(object)),
        ("s.npy", lambda a: a[0]),
        ("s.npy", lambda a: np.asfortranarray(a)),
        ("s.weights.npy", lambda a: a * np.float32("nan")),
        ("s.weights.npy", lambda a: a.astype(object)),
        ("s.weights.npy", lambda a: a.astype("U3")),
        ("s.weights.npy", lambda a: a.astype(complex)),
        ("s.weights.npy", lambda a: a[:, :5]),
        ("s.head.npy", lambda a: a * 0),
        ("s.head.npy", lambda a: a + np.float32(1e30)),
        ("s.head.npy", lambda a: a[:-1]),
    ],
)
def test_arrays(motion, name, array):
    np.save(motion / name, array(np.load(motion / name)), allow_pickle=True)
    assert name in rendered(motion, "--sheet", "--size", "64x64", "--export", "glb")


@pytest.mark.parametrize("name", ["s.npy", "s.weights.npy", "s.head.npy", "s.json", "s.emotion.csv"])
def test_pickles_are_not_run(motion, name):
    trace = motion.parent / "trace"
    array = np.empty(1, object)
    array[0] = Trap(trace)
    np.save(motion / "trap.npy", array, allow_pickle=True)
    for content in (pickle.dumps(Trap(trace)), (motion / "trap.npy").read_bytes()):
        (motion / name).write_bytes(content)
        said = fails("render", "m/s.npy", "--out", "o", "--export", "glb")
        assert name in said and not trace.exists()


# --- sounds


def test_extreme_formats(folder):
    sf.write("fast.wav", tone(0.5, 768_000), 768_000)
    assert abs(len(load_audio("fast.wav")) - 8000) <= 1
    sf.write("many.wav", np.repeat(tone(0.5, 768_000)[:, None], 64, 1), 768_000)
    assert abs(len(load_audio("many.wav")) - 8000) <= 1
    sf.write("slow.wav", tone(1.0, 1000), 1000)
    assert abs(len(load_audio("slow.wav")) - 16000) <= 16
    for rate in (1, 999, 2_000_000_000):
        sf.write("bad.wav", tone(1.0), rate)
        with pytest.raises(InputError, match=f"sample rate of {rate} Hz"):
            load_audio("bad.wav")


def test_clipped_and_constant_sounds(folder, fake_models):
    sf.write("clipped.wav", np.sign(tone(0.5)), 16000)
    sf.write("constant.wav", np.ones(8000, np.float32), 16000, subtype="FLOAT")
    sf.write("silent.wav", np.zeros(8000, np.float32), 16000)
    sf.write("loud.wav", tone(0.5) * 1e5, 16000, subtype="FLOAT")
    said_by("animate", *(f"{n}.wav" for n in ("clipped", "constant", "silent", "loud")), "--out", "o", expect=0)
    assert np.isfinite(np.load("o/loud.weights.npy")).all()


def test_a_header_of_an_hour_over_a_hole(folder):
    """A sparse file: 115 MB of zeros that take no disk; read in bounded memory."""
    import tracemalloc

    sf.write("long.wav", tone(0.1), 16000)
    size = 3600 * 16_000 * 2
    with open("long.wav", "r+b") as file:
        file.seek(4)
        file.write((size + 36).to_bytes(4, "little"))
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
        file.truncate(44 + size)
    assert os.stat("long.wav").st_blocks * 512 < 1e6
    tracemalloc.start()
    total = 0
    for block in stream_audio("long.wav"):
        total += len(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 3600 * 16_000 and peak < 12e6  # the whole would be 230 MB


# --- tables


def test_large_tables_take_no_time(folder):
    """Regions are compared with their neighbours only: each with each would take minutes."""
    Path("a.uem").write_text("".join(f"a 1 {k} {k + 1}\n" for k in range(200_000)))
    assert len(read_uem("a.uem")["a"]) == 200_000


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("o.rttm", "SPEAKER s 1 nan 5 <NA> <NA> sad <NA> <NA>\n"),
        ("o.rttm", "SPEAKER s 1 -1 5 <NA> <NA> sad <NA> <NA>\n"),
        ("o.rttm", "SPEAKER s 1 1e400 5 <NA> <NA> sad <NA> <NA>\n"),
        ("o.csv", "time,emotion\n0,sad\n0.5,sad\n"),
        ("o.csv", "time,emotion,intensity\n0,sad,inf\n"),
        ("o.csv", "time,emotion\n" + "".join(f"{k * 0.02:.2f},e{k}\n" for k in range(2000))),
        ("o.csv", "time,emotion\n0," + "x" * 200_000 + "\n"),
    ],
)
def test_overrides(folder, fake_models, name, text):
    write_sound(folder / "s.wav", 0.3)
    Path(name).write_text(text)
    assert name in fails("animate", "s.wav", "--emotion-override", name, "--out", "o", expect=2)


@pytest.mark.parametrize(
    "spec",
    [
        "0-1=happy,0.5-2=sad",
        "-5-1=sad",
        "nan-1=sad",
        "1-0=sad",
        "0-1=sad:1e9",
        "sad:nan",
        "9-=sad",
        "1e9-=sad",
        "\0",
        ",",
    ],
)
def test_override_texts(folder, fake_models, spec):
    write_sound(folder / "s.wav", 0.3)
    fails("animate", "s.wav", f"--emotion-override={spec}", "--out", "o", expect=1 if spec == "9-=sad" else 2)
    assert tree(folder) == ["s.wav"]


def test_emotions_of_a_page_are_text(motion):
    (motion / "s.emotion.csv").write_text("time,emotion\n0,<script>alert(1)</script>\n")
    said_by("render", "m/s.npy", "--out", "o", "--html", expect=0)
    assert "<script>alert" not in (motion.parent / "o/s.html").read_text()
