"""File formats: golden files, round trips, strict reading, nothing partial."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.clock import frame_count
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file, atomic_folder
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.motion import read_motion_files, write_motion, write_vertices
from sedtalker_cli.formats.obj import read_obj_sequence, write_obj_sequence
from sedtalker_cli.formats.rttm import format_rttm, read_rttm, safe_uri, write_rttm

SEGMENTS = [
    Segment(0.0, 1.24, "neutral", 0.8123),
    Segment(1.24, 0.7605, "happy", 0.95),
    Segment(2.0005, 0.0101, "sad", 1.0),
]


def random_timeline(frames: int, seed: int = 0) -> EmotionTimeline:
    rng = np.random.default_rng(seed)
    posteriors = rng.dirichlet(np.full(7, 0.3), frames)
    labels = np.repeat(rng.integers(0, 7, frames // 10 + 1), 10)[:frames]
    return EmotionTimeline(EMOTIONS, posteriors, rng.uniform(0, 1, frames), labels, frames * 0.02)


def test_rttm_golden(tmp_path):
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "my file\tone")
    assert (tmp_path / "a.rttm").read_text() == (
        "SPEAKER my_file_one 1 0.000 1.240 <NA> <NA> neutral 0.812 <NA>\n"
        "SPEAKER my_file_one 1 1.240 0.760 <NA> <NA> happy 0.950 <NA>\n"
        "SPEAKER my_file_one 1 2.000 0.011 <NA> <NA> sad 1.000 <NA>\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 320), st.integers(0, 10**6))
def test_rttm_tiles_without_gap(frames, less, seed):
    duration = (frames * 320 - min(less, 319)) / 16000
    labels = np.random.default_rng(seed).integers(0, 7, frames)
    timeline = EmotionTimeline(EMOTIONS, np.full((frames, 7), 1 / 7), np.zeros(frames), labels, duration)
    position = 0
    for line in format_rttm(timeline.segments(), "x").splitlines():
        onset, length = (round(float(field) * 1000) for field in line.split()[3:5])
        assert onset == position
        assert length > 0
        position = onset + length
    assert position == round(duration * 1000)


def test_rttm_round_trip(tmp_path):
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "ü x")
    first = (tmp_path / "a.rttm").read_bytes()
    recordings = read_rttm(tmp_path / "a.rttm")
    assert list(recordings) == ["ü_x"]
    write_rttm(tmp_path / "b.rttm", recordings["ü_x"], "ü_x")
    assert (tmp_path / "b.rttm").read_bytes() == first


def test_rttm_of_other_tools(tmp_path):
    (tmp_path / "a.rttm").write_bytes(
        b"\xef\xbb\xbf;; comment\r\n\r\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA> <NA>\r\n"
        b"SPEAKER a 1 2 1.5 <NA> <NA> sad <NA> <NA>\r\nSPEAKER a 1 0 2 <NA> <NA> happy 0.5\r\n"
    )
    assert read_rttm(tmp_path / "a.rttm") == {"a": [Segment(0, 2, "happy", 0.5), Segment(2, 1.5, "sad", 1.0)]}


def test_rttm_is_read_by_pyannote(tmp_path):
    database = pytest.importorskip("pyannote.database.util")
    write_rttm(tmp_path / "a.rttm", SEGMENTS, "a b")
    annotation = database.load_rttm(tmp_path / "a.rttm")["a_b"]
    assert [(label, s.start, s.end) for s, _, label in annotation.itertracks(yield_label=True)] == [
        ("neutral", 0.0, 1.24),
        ("happy", 1.24, 2.0),
        ("sad", 2.0, pytest.approx(2.011)),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no SPEAKER line"),
        ("hello there\n", r"a\.rttm:1: not an RTTM line"),
        ("SPEAKER a 1 0 1 <NA> <NA> sad\n", r":1: has 8 fields"),
        ("\nSPEAKER a 1 x 1 <NA> <NA> sad 1 <NA>\n", r":2: onset 'x'"),
        ("SPEAKER a 1 -1 1 <NA> <NA> sad 1 <NA>\n", "onset '-1'"),
        ("SPEAKER a 1 nan 1 <NA> <NA> sad 1 <NA>\n", "onset 'nan'"),
        ("SPEAKER a 1 0 0 <NA> <NA> sad 1 <NA>\n", "duration is 0"),
        ("SPEAKER a 1 0 inf <NA> <NA> sad 1 <NA>\n", "duration 'inf'"),
    ],
)
def test_rttm_errors(tmp_path, text, said):
    (tmp_path / "a.rttm").write_text(text)
    with pytest.raises(InputError, match=said):
        read_rttm(tmp_path / "a.rttm")


def test_uri_has_no_white_space():
    assert safe_uri("a b\n c\u00a0d") == "a_b__c_d"
    assert safe_uri("") == "_"


def test_emotion_csv_golden(tmp_path):
    timeline = EmotionTimeline(
        ("sad", "angry", "neutral"), [[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]], [0.25, 1.0], [2, 0], 0.04
    )
    write_emotion_csv(tmp_path / "a.emotion.csv", timeline)
    assert (tmp_path / "a.emotion.csv").read_text() == (
        "frame,time,emotion,intensity,confidence,p_angry,p_neutral,p_sad\n"
        "0,0.00,neutral,0.2500,0.500000,0.300000,0.500000,0.200000\n"
        "1,0.02,sad,1.0000,0.333333,0.333334,0.333333,0.333333\n"
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(0, 10**6))
def test_emotion_csv_round_trip(tmp_path_factory, frames, seed):
    path = tmp_path_factory.mktemp("csv") / "a.emotion.csv"
    timeline = random_timeline(frames, seed)
    write_emotion_csv(path, timeline)
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    assert all(sum(round(float(p) * 1e6) for p in row[5:]) == 1_000_000 for row in rows)
    back = read_emotion_csv(path)
    assert back.classes == EMOTIONS
    assert np.array_equal(back.labels, timeline.labels)
    assert np.abs(back.posteriors - timeline.posteriors).max() < 2e-6
    assert np.abs(back.intensity - timeline.intensity).max() < 1e-4
    # Fed back unedited it changes nothing but the last decimals.
    assert np.abs(timeline.override(back).posteriors - timeline.posteriors).max() < 2e-6


def test_emotion_edited_by_hand(tmp_path):
    path = tmp_path / "a.emotion.csv"
    frames = 200
    posteriors = np.full((frames, 7), 0.05, np.float32)
    posteriors[:, 4] = 0.7
    write_emotion_csv(path, EmotionTimeline(EMOTIONS, posteriors, np.full(frames, 0.3), np.full(frames, 4), 4.0))
    lines = path.read_text().splitlines()
    lines[101:201] = [line.replace("neutral", "Angry") for line in lines[101:201]]
    path.write_text("\r\n".join(lines) + "\r\n")
    edited = read_emotion_csv(path)
    assert [s.emotion for s in edited.segments()] == ["neutral", "angry"]
    assert np.allclose(edited.posteriors[:90], posteriors[:90], atol=1e-6)
    assert np.allclose(edited.posteriors[110:, 0], 1)
    assert 0.5 < edited.posteriors[100, 0] < 0.6  # in the middle of the cross-fade
    assert np.allclose(edited.intensity, 0.3)


def test_emotion_csv_made_elsewhere(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "time,emotion\n" + "".join(f"{k * 0.02:.2f},{'sad' if k < 50 else 'neutral'}\n" for k in range(100))
    )
    timeline = read_emotion_csv(path)
    assert timeline.classes == ("neutral", "sad")
    assert [s.emotion for s in timeline.segments()] == ["sad", "neutral"]
    assert np.all(timeline.intensity == (timeline.labels == 1))
    assert np.allclose(timeline.posteriors.sum(1), 1)


HEAD = "frame,time,emotion,intensity,confidence,p_happy,p_sad\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"a\.csv:1: has no column 'time'"),
        ("time,feeling\n0,sad\n", "no column 'emotion'"),
        ("time,emotion,time\n0,sad,0\n", "names a column twice"),
        (HEAD, "holds no rows"),
        (HEAD + "0,0,sad,0.5,0.5,0.5\n", ":2: has 6 values"),
        (HEAD + "0,0,sad,0.5,0.5,0.5,0.5\n2,0.04,sad,0.5,0.5,0.5,0.5\n", ":3: frame is 2, expected 1"),
        (HEAD + "0,0,sad,0.5,0.5,0.5,0.5\n1,0.04,sad,0.5,0.5,0.5,0.5\n", ":3: time is 0.04, expected 0.02"),
        (HEAD + "0,0,glad,0.5,0.5,0.5,0.5\n", ":2: emotion 'glad' has no column"),
        (HEAD + "0,0,sad,1.5,0.5,0.5,0.5\n", "intensity '1.5'"),
        (HEAD + "0,0,sad,nan,0.5,0.5,0.5\n", "intensity 'nan'"),
        (HEAD + "0,0,sad,x,0.5,0.5,0.5\n", "intensity 'x'"),
        (HEAD + "0,0,sad,0.5,0.5,0.9,0.5\n", ":2: probabilities sum to 1.400"),
        (HEAD + "0,0,sad,0.5,0.5,-0.5,1.5\n", "p_happy '-0.5'"),
        ("\0", "no column 'time'"),
    ],
)
def test_emotion_csv_errors(tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_emotion_csv(tmp_path / "a.csv")


def test_text_files_that_are_none(tmp_path):
    (tmp_path / "a.rttm").write_bytes(b"\xff\xfe\x00\x01")
    for read, name, said in (
        (read_rttm, "a.rttm", "not UTF-8"),
        (read_rttm, "none.rttm", "does not exist"),
        (read_emotion_csv, ".", "is a folder"),
    ):
        with pytest.raises(InputError, match=said):
            read(tmp_path / name)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: (HEAD + text).encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, read in (("a.rttm", read_rttm), ("a.csv", read_emotion_csv), ("a.npy", read_motion_files)):
        (folder / name).write_bytes(content)
        try:
            read(folder / name)
        except InputError as error:
            assert name in str(error)


def motion_blocks():
    vertices = np.random.default_rng(0).normal(0, 0.1, (7, 5, 3)).astype(np.float32)
    return vertices, [vertices[:3], vertices[3:]]


def test_motion_round_trip(tmp_path):
    vertices, blocks = motion_blocks()
    write_motion(tmp_path / "a.npy", blocks, vertices.shape, {"fps": 30, "head": "h"})
    plain = np.load(tmp_path / "a.npy")
    assert plain.dtype == np.float32
    assert np.array_equal(plain, vertices)
    frames, metadata = read_motion_files(tmp_path / "a.npy")
    assert np.array_equal(frames, vertices)
    assert np.array_equal(np.concatenate(list(frames.stream())), vertices)
    assert metadata["fps"] == 30
    sidecar = json.loads((tmp_path / "a.json").read_text())
    assert sidecar["units"] == "metres"
    assert sidecar["axes"].startswith("y up")


def test_motion_that_does_not_add_up_leaves_nothing(tmp_path):
    vertices, blocks = motion_blocks()
    with pytest.raises(ValueError, match="7 frames written, 8 announced"):
        write_vertices(tmp_path / "a.npy", blocks, (8, 5, 3))
    with pytest.raises(ValueError, match="block of shape"):
        write_vertices(tmp_path / "a.npy", blocks, (7, 6, 3))
    assert list(tmp_path.iterdir()) == []
    assert len(vertices) == 7


def test_motion_errors(tmp_path):
    path = tmp_path / "a.npy"
    with pytest.raises(InputError, match="does not exist"):
        read_motion_files(path)
    np.save(path, np.zeros((3, 5)))
    with pytest.raises(InputError, match="not a motion"):
        read_motion_files(path)
    np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match="is not a motion"):
        read_motion_files(path)
    np.save(path, np.zeros((3, 5, 3), np.float32))
    with pytest.raises(InputError, match=r"a\.json: does not exist"):
        read_motion_files(path)
    for text, said in (
        ("{", r"a\.json:1: is not JSON"),
        ("[]", "not a motion's sidecar"),
        ('{"fps": NaN}', "is not JSON .it holds NaN"),
        ('{"fps": 1e400}', "fps is inf"),
        ('{"fps": %s}' % ("9" * 5000), "fps is inf"),
        ("{}", "fps is None"),
        ("[" * 100_000, "JSON|deeply"),
    ):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(InputError, match=said):
            read_motion_files(path)
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    with pytest.raises(InputError, match="is not a motion"):
        read_motion_files(path)
    header = content.replace(b"(3, 5, 3)", b"(3,5,9**9)")
    path.write_bytes(header)
    with pytest.raises(InputError, match="is not a motion"):
        read_motion_files(path)


def test_obj_round_trip(tmp_path):
    vertices, blocks = motion_blocks()
    faces = np.array([[0, 1, 2], [2, 3, 4]], np.int32)
    assert write_obj_sequence(tmp_path / "a.obj", blocks, faces, "30 fps") == 7
    assert sorted(p.name for p in (tmp_path / "a.obj").iterdir()) == [f"{k:06d}.obj" for k in range(7)]
    back, triangles = read_obj_sequence(tmp_path / "a.obj")
    assert np.array_equal(triangles, faces)
    assert np.abs(back - vertices).max() < 6e-7
    text = (tmp_path / "a.obj" / "000000.obj").read_text()
    assert text.startswith("# 30 fps\nv ")
    assert text.endswith("f 1 2 3\nf 3 4 5\n")
    assert re.search(r"^v -?\d\.\d{6} -?\d\.\d{6} -?\d\.\d{6}$", text, re.MULTILINE)


def test_obj_is_read_by_trimesh(tmp_path):
    import trimesh

    vertices, blocks = motion_blocks()
    write_obj_sequence(tmp_path / "a.obj", blocks, np.array([[0, 1, 2], [2, 3, 4]]))
    mesh = trimesh.load(tmp_path / "a.obj" / "000003.obj", process=False)
    assert np.allclose(mesh.vertices, vertices[3], atol=1e-6)
    assert mesh.faces.tolist() == [[0, 1, 2], [2, 3, 4]]


def test_obj_errors(tmp_path):
    with pytest.raises(InputError, match=r"holds no 000000\.obj"):
        read_obj_sequence(tmp_path)
    for text, said in (
        ("v 1 2\n", r"000000\.obj:1: is not a vertex"),
        ("v 0 0 0\nf 1 2 x\n", ":2: is not a face"),
        ("v 0 0 0\nf 1 2 3\n", "does not exist"),
        ("v nan 0 0\n", "is not a vertex"),
        ("v 1e30 0 0\n", "is not a vertex"),
        ("v 0 0 0\nf 1 2 99999999999999999999\n", "is not a face"),
    ):
        (tmp_path / "000000.obj").write_text(text)
        with pytest.raises(InputError, match=said):
            read_obj_sequence(tmp_path)
    (tmp_path / "000000.obj").write_text("v 0 0 0\n")
    (tmp_path / "000002.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match="frame 1 is missing"):
        read_obj_sequence(tmp_path)


def test_atomic_file(tmp_path):
    target = tmp_path / "a.txt"
    with atomic_file(target) as part:
        assert part.suffix == ".txt"
        assert part.parent == tmp_path
        part.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    with pytest.raises(KeyboardInterrupt), atomic_file(target) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "new"


def test_atomic_folder(tmp_path):
    target = tmp_path / "a.obj"
    for content in ("one", "two"):
        with atomic_folder(target) as part:
            (part / content).write_text(content)
    assert [p.name for p in target.iterdir()] == ["two"]
    with pytest.raises(ValueError, match="stop"), atomic_folder(target) as part:
        (part / "three").write_text("x")
        raise ValueError("stop")
    assert [p.name for p in tmp_path.iterdir()] == ["a.obj"]
    assert [p.name for p in target.iterdir()] == ["two"]


def test_frame_times_of_long_files(tmp_path):
    timeline = random_timeline(frame_count(120.0))
    write_emotion_csv(tmp_path / "a.emotion.csv", timeline)
    last = (tmp_path / "a.emotion.csv").read_text().splitlines()[-1].split(",")
    assert last[:2] == ["5999", "119.98"]


def test_frames_are_read_one_by_one(tmp_path):
    vertices = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)
    write_motion(tmp_path / "a.npy", [vertices], vertices.shape, {"fps": 30})
    frames, _ = read_motion_files(tmp_path / "a.npy")
    assert frames.shape == (7, 5, 3) and len(frames) == 7
    for key in (0, 3, -1, slice(2, 5), slice(5, 99), slice(4, 2)):
        assert np.array_equal(frames[key], vertices[key])
    assert np.array_equal(np.asarray(frames), vertices)
    with pytest.raises(IndexError):
        frames[7]
    np.save(tmp_path / "a.npy", np.asfortranarray(vertices))
    with pytest.raises(InputError, match="save it in C order"):
        read_motion_files(tmp_path / "a.npy")
