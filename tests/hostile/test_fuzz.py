"""Any content of a file that users bring is read, or refused with one line; nothing hangs, crashes or is executed."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from sedtalker_cli.audio.reading import load_audio
from sedtalker_cli.batch.inputs import collect_jobs
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline
from sedtalker_cli.evaluation.diarization.files import evaluate_rttm
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.formats.audacity import read_labels, write_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.emotion_json import read_emotion_json, write_emotion_json
from sedtalker_cli.formats.gltf import read_gltf
from sedtalker_cli.formats.live_link import read_live_link, write_live_link
from sedtalker_cli.formats.motion import read_array, read_frames, read_sidecar
from sedtalker_cli.formats.obj import read_obj
from sedtalker_cli.formats.overrides import parse_override
from sedtalker_cli.formats.phones import Phone, read_phones, write_phones
from sedtalker_cli.formats.rttm import format_rttm, read_rttm, write_rttm
from sedtalker_cli.formats.textgrid import read_textgrid, timeline_tiers, write_textgrid
from sedtalker_cli.formats.uem import read_uem, write_uem
from sedtalker_cli.motion.reading import coefficients, head_of, read_head_motion, recorded_audio
from tests.conftest import tone
from tests.hostile.fuzzing import damaged_bytes, damaged_json, damaged_text, fuzz, read_or_refuse
from tests.hostile.small_heads import BODY, HEAD, WHOLE, glb


def a_timeline() -> EmotionTimeline:
    posteriors = np.random.default_rng(0).dirichlet(np.ones(7), 8)
    return EmotionTimeline.from_posteriors(EMOTIONS, posteriors, np.full(8, 0.5), 0.16)


def a_list(path: Path) -> None:
    path.write_text('path,speaker,emotion_override,identity\na.wav,anna,"0-1=happy:0.5",7\n"b c.wav",,sad,\n')


def override_of(path: Path):
    """A file of `--emotion-override`, applied."""
    return a_timeline().override(parse_override(str(path), uri="a"))


def jobs_of(path: Path):
    return collect_jobs([], accepts=lambda _: True, list_file=path)


TEXTS = {
    "a.rttm": (read_rttm, lambda p: write_rttm(p, a_timeline().segments(), "a b")),
    "override.rttm": (override_of, lambda p: write_rttm(p, a_timeline().segments(), "a")),
    "a.emotion.csv": (read_emotion_csv, lambda p: write_emotion_csv(p, a_timeline())),
    "override.csv": (override_of, lambda p: write_emotion_csv(p, a_timeline())),
    "a.labels.txt": (read_labels, lambda p: write_labels(p, a_timeline().segments())),
    "a.TextGrid": (read_textgrid, lambda p: write_textgrid(p, timeline_tiers(a_timeline()), 0.16)),
    "a.uem": (read_uem, lambda p: write_uem(p, {"a": [(0, 1), (2, 3)], "b": [(0, 4)]})),
    "a.phones.csv": (read_phones, lambda p: write_phones(p, [Phone("p", 0, 0.1, 0.08, 1), Phone("a", 0.1, 0.3)])),
    "list.csv": (jobs_of, a_list),
    "list.txt": (jobs_of, a_list),
    "a.arkit.csv": (read_live_link, lambda p: write_live_link(p, np.full((2, 52), 0.5), ARKIT_NAMES, 30)),
    "a.obj": (read_obj, lambda p: p.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf -1/1/1 -2/2/2 -3//\n")),
}


@pytest.mark.parametrize("name", TEXTS)
@fuzz(60)
@given(data=st.data())
def test_text_files(tmp_path_factory, name, data):
    read, write = TEXTS[name]
    path = tmp_path_factory.mktemp("fuzz") / name
    write(path)
    content = path.read_text(encoding="utf-8")
    path.write_bytes(data.draw(damaged_text(content) | damaged_bytes(content.encode())))
    read_or_refuse(read, path)


SPECS = ("happy", "happy:0.8", "0-2.5=angry:0.9,2.5-=sad:0.4", " -1 = sad : 1 ", "a.rttm", "a.csv")


@fuzz(200)
@given(
    st.sampled_from(SPECS).flatmap(damaged_text)
    | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace"))
)
def test_override_specs(tmp_path_factory, spec):
    spans = read_or_refuse(lambda _: parse_override(spec.decode()), Path("spec"))
    if isinstance(spans, list):
        assert all(0 <= span.start < span.end and 0 <= span.intensity <= 1 for span in spans)
        read_or_refuse(lambda _: a_timeline().override(spans), Path("spec"))


SIDECAR = {
    "format": "sedtalker-motion", "fps": 30, "head": "a", "identity": "anna", "head_file": "head.glb",
    "head_sha256": "00", "head_motion_file": "a.head.npy", "audio": "a.wav", "shape_names": ["jawOpen"], "seed": 0,
}  # fmt: skip


def sidecar_and_files(path: Path):
    """All that a sidecar decides when its motion is opened."""
    motion = path.with_name("a.npy")
    metadata = read_sidecar(path)
    recorded_audio(motion, metadata)
    read_head_motion(motion, metadata, 2)
    head_of(motion, metadata)


@fuzz(150)
@given(content=damaged_json(SIDECAR) | damaged_text(json.dumps(SIDECAR)) | damaged_bytes(json.dumps(SIDECAR).encode()))
def test_sidecars(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "a.json").write_bytes(content)
    read_or_refuse(sidecar_and_files, folder / "a.json")


@fuzz(100)
@given(data=st.data())
def test_emotion_json(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.json"
    write_emotion_json(path, a_timeline(), "a")
    text = path.read_text()
    path.write_bytes(data.draw(damaged_json(json.loads(text)) | damaged_text(text) | damaged_bytes(text.encode())))
    read_or_refuse(read_emotion_json, path)


def npy(header: bytes, body: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


KINDS = (
    "'<f4'",
    "'|O'",
    "'<U3'",
    "[('a', '|O')]",
    "[('a', '<f4', (9,))]",
    "'<f4, <i4'",
    "'>f8'",
    "'<M8[s]'",
    "7",
    "None",
)
SHAPES = (
    *("(2, 2, 3)", "(2, 52)", "()", "(0, 5, 3)", "(-1, 2, 3)", "(2147483648, 3, 3)", "(9999999999, 9999999999, 3)"),
    *("(2.0, 2, 3)", "(True, 4, 3)", "'x'", "(" * 300, "[2, 2, 3]", "((2,), 2)"),
)
HEADERS = st.builds(
    "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}\n".format,
    st.sampled_from(KINDS),
    st.sampled_from(("False", "True", "1", "None")),
    st.sampled_from(SHAPES),
)


@fuzz(200)
@given(header=HEADERS.map(str.encode).flatmap(damaged_bytes) | HEADERS.map(str.encode), body=st.binary(max_size=64))
def test_npy(tmp_path_factory, header, body):
    path = tmp_path_factory.mktemp("fuzz") / "a.npy"
    path.write_bytes(npy(header[:60000], body))
    array = read_or_refuse(read_array, path)
    assert array is None or not array.dtype.hasobject
    motion = read_or_refuse(read_frames, path)
    if motion is not None:
        assert motion[0].shape == motion.shape[1:]
    read_or_refuse(lambda p: coefficients(p, array) if array is not None else None, path)


def check_head(path: Path) -> None:
    head = read_or_refuse(load_custom_head, path)
    if head is not None:
        assert np.isfinite(head.neutral).all() and np.isfinite(head.deltas).all()
        assert head.faces.min(initial=0) >= 0 and head.faces.max(initial=0) < len(head.neutral)
        assert head.colors.dtype == np.uint8


def test_the_small_head_is_whole(tmp_path):
    (tmp_path / "a.glb").write_bytes(WHOLE)
    (piece,) = read_gltf(tmp_path / "a.glb")
    assert set(piece.targets) == {"jawOpen", "eyeBlinkLeft"} and piece.colors is not None
    check_head(tmp_path / "a.glb")


@fuzz(300)
@given(
    st.builds(glb, damaged_json(HEAD), st.just(BODY))
    | st.builds(glb, st.just(json.dumps(HEAD).encode()), damaged_bytes(BODY))
    | damaged_bytes(WHOLE)
)
def test_gltf(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "a.glb"
    path.write_bytes(content)
    check_head(path)


def ply(binary: bool) -> bytes:
    import trimesh

    mesh = trimesh.Trimesh(np.eye(3), [[0, 1, 2]], process=False)
    return mesh.export(file_type="ply", encoding="binary" if binary else "ascii")


@fuzz(100)
@given(data=st.data())
def test_templates(tmp_path_factory, monkeypatch_once, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.ply"
    content = ply(data.draw(st.booleans()))
    path.write_bytes(data.draw(damaged_bytes(content) | damaged_text(content.decode("latin-1"))))
    check_head(path)


@pytest.fixture(scope="module")
def monkeypatch_once():
    """Templates of three vertices instead of 5,023."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sedtalker_cli.face.custom.TEMPLATES", {3: "three"})
        yield


@fuzz(60)
@given(data=st.data())
def test_folders_of_objs(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    shape = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n"
    for name in ("neutral", "jawOpen", "eyeBlinkLeft"):
        text = shape.replace("1 1 0", "1 1 0.2") if name == "jawOpen" else shape
        (folder / f"{name}.obj").write_bytes(data.draw(st.just(text.encode()) | damaged_text(text)))
    check_head(folder)


SOUNDS = ("wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "caf")


@pytest.mark.parametrize("kind", SOUNDS)
@fuzz(40)
@given(data=st.data())
def test_sounds(tmp_path_factory, sounds, kind, data):
    path = tmp_path_factory.mktemp("fuzz") / f"a.{kind}"
    path.write_bytes(data.draw(damaged_bytes(sounds[kind])))
    samples = read_or_refuse(load_audio, path)
    assert samples is None or (np.isfinite(samples).all() and len(samples) < 1 << 24)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("sounds")
    for kind in SOUNDS:
        sf.write(folder / f"a.{kind}", tone(0.1), 16000)
    return {kind: (folder / f"a.{kind}").read_bytes() for kind in SOUNDS}


@fuzz(80)
@given(data=st.data())
def test_rttm_against_rttm(tmp_path_factory, data):
    """Scores of whatever could be read."""
    folder = tmp_path_factory.mktemp("fuzz")
    text = format_rttm(a_timeline().segments(), "a") + format_rttm(a_timeline().segments(), "b")
    for name in ("reference.rttm", "hypothesis.rttm"):
        (folder / name).write_bytes(data.draw(st.just(text.encode()) | damaged_text(text)))
    (folder / "a.uem").write_bytes(data.draw(st.just(b"a 1 0 0.1\n") | damaged_text("a 1 0 0.1\nb 1 0 9\n")))

    def score(path: Path) -> None:
        report = evaluate_rttm(path, folder / "hypothesis.rttm", folder / "a.uem").to_dict()
        json.dumps(report, allow_nan=False)

    read_or_refuse(score, folder / "reference.rttm")
