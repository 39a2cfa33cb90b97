"""Motion and OBJ sequences on disk; files that are whole or not there."""

import json
import re

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.atomic import atomic_file, atomic_folder
from sedtalker_cli.formats.motion import read_motion_files, write_motion, write_vertices
from sedtalker_cli.formats.obj import read_obj_sequence, write_obj_sequence


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
