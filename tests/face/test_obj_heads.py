"""Heads as folders of OBJ files, and templates of vertices alone."""

import json
import logging

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.custom import head_checksum, load_custom_head
from sedtalker_cli.formats.obj import write_obj
from tests.face.heads import anna as anna
from tests.face.meshes import flame_like


def write_folder(folder, head, names, scale=100.0):
    folder.mkdir()
    write_obj(folder / "neutral.obj", head.neutral * scale, head.faces)
    for name in names:
        posed = head.neutral + head.deltas[ARKIT_INDEX[name]]
        write_obj(folder / f"{name.replace('Left', '_L').replace('Right', '_R')}.obj", posed * scale, head.faces)
    return folder


def test_folder_of_objs(anna, tmp_path, caplog):
    names = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthPucker")
    folder = write_folder(tmp_path / "heads", anna, names)
    with caplog.at_level(logging.WARNING, "sedtalker"):
        head = load_custom_head(folder)
    assert "lacks 48 of 52" in caplog.text
    np.testing.assert_allclose(head.neutral, anna.neutral, atol=1e-6)  # vertex order kept, centimetres undone
    np.testing.assert_array_equal(head.faces, anna.faces)
    np.testing.assert_allclose(head.deltas[17], anna.deltas[17], atol=1e-6)
    before = head_checksum(folder)
    (folder / "jawOpen.obj").write_text((folder / "jawOpen.obj").read_text().replace("v ", "v 1", 1))
    changed = head_checksum(folder)
    assert changed != before
    (folder / "jawOpen.obj").rename(folder / "jawOpen.OBJ")  # as some exporters and file systems write it
    in_capitals = head_checksum(folder)
    (folder / "jawOpen.OBJ").write_text((folder / "jawOpen.OBJ").read_text().replace("v ", "v 2", 1))
    assert len({before, changed, in_capitals, head_checksum(folder)}) == 4
    (folder / "jawOpen.OBJ").rename(folder / "jawOpen.obj")
    (folder / "jawOpen.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"jawOpen\.obj: has 1 vertices, neutral\.obj has"):
        load_custom_head(folder)
    (folder / "neutral.obj").unlink()
    with pytest.raises(InputError, match=r"holds no neutral\.obj"):
        load_custom_head(folder)


def test_polygons_and_relative_indices_of_objs(tmp_path):
    from sedtalker_cli.formats.obj import read_obj

    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1/1/1 2/2/2 3/3/3 4/4/4\nf -4 -3 -2\n")
    vertices, faces = read_obj(tmp_path / "a.obj")
    assert len(vertices) == 4 and faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_flame_template(tmp_path, suffix):
    import trimesh

    vertices, faces = flame_like()
    path = tmp_path / f"subject{suffix}"
    if suffix == ".ply":
        trimesh.Trimesh(vertices, faces, process=False).export(path)
    else:
        write_obj(path, vertices, faces)
    head = load_custom_head(path)
    assert head.identity == "subject" and head.shape_names == ()
    np.testing.assert_allclose(head.neutral, vertices, atol=1e-6)
    np.testing.assert_array_equal(head.faces, faces)
    write_obj(tmp_path / "small.obj", vertices[:100], faces[:90])
    with pytest.raises(InputError, match=r"has 100 vertices; a single mesh must be a template of 5023 \(FLAME\)"):
        load_custom_head(tmp_path / "small.obj")


def test_the_checksum_of_a_gltf_covers_its_buffers_and_pictures(tmp_path):
    """All that the head is read from; what it does not name does not count."""
    head = tmp_path / "head.gltf"
    parts = {"buffers": [{"uri": "a%20b.bin", "byteLength": 4}], "images": [{"uri": "skin.png"}, {"uri": "data:,x"}]}
    head.write_text(json.dumps({"asset": {"version": "2.0"}, **parts}))
    found = [head_checksum(head)]
    for name, content in (("a b.bin", b"1234"), ("a b.bin", b"1235"), ("skin.png", b"1"), ("skin.png", b"2")):
        (tmp_path / name).write_bytes(content)
        found.append(head_checksum(head))
    assert len(set(found)) == 5
    (tmp_path / "other.png").write_bytes(b"3")
    assert head_checksum(head) == found[-1]
    with pytest.raises(InputError, match="No such file"):
        head_checksum(tmp_path / "gone.gltf")
