"""Heads of glTF: units, axes, mirrors, textures, skins, shapes that are missing."""

import base64
import json
import logging

import numpy as np
import pytest

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.normals import shape_normals
from sedtalker_cli.face.regions import eye_distance, lip_gap, lip_width
from sedtalker_cli.formats.gltf_writing import write_glb
from sedtalker_cli.formats.obj import write_obj
from sedtalker_cli.outputs.exports.glb import build_glb
from sedtalker_cli.render.geometry import frame_head
from tests.commands import call
from tests.conftest import write_sound
from tests.face.heads import anna as anna
from tests.face.meshes import unpack


@pytest.fixture(scope="module")
def glb(anna, tmp_path_factory):
    """The shipped head as a file of somebody else's."""
    path = tmp_path_factory.mktemp("head") / "anna.glb"
    write_glb(path, build_glb(anna, np.zeros((1, 52), np.float32), 30, shape_normals(anna)))
    return path


def pack(path, content: dict, body: bytes):
    """Write a `.gltf` with its buffer inside."""
    content["buffers"] = [{"byteLength": len(body), "uri": "data:;base64," + base64.b64encode(body).decode()}]
    path.write_text(json.dumps(content))
    return path


def test_glb_of_the_shipped_head_comes_back(anna, glb):
    head = load_custom_head(glb)
    assert head.source == glb and head.name == "anna.glb" and head.shape_names == ARKIT_NAMES
    weights = np.random.default_rng(0).uniform(0, 1, (3, 52)).astype(np.float32)
    corners = [face.vertices(weights)[:, face.faces.ravel()] for face in (anna, head)]
    np.testing.assert_allclose(corners[0], corners[1], atol=3e-6)
    assert len(head.neutral) <= len(anna.neutral)
    assert head.materials["skin"] == "skin" and head.materials["teeth_upper"] == "teeth"
    colours = [face.colors[face.faces.ravel()].astype(int) for face in (anna, head)]
    assert (np.abs(colours[0] - colours[1]).max(1) <= 2).mean() > 0.97  # welded vertices share one colour


def test_measures_work_on_regions_found_from_the_shapes(anna, glb):
    head = load_custom_head(glb)
    weights = np.zeros((4, 52), np.float32)
    weights[1, ARKIT_INDEX["jawOpen"]] = 0.5
    weights[2, [ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]]] = 0.5
    weights[3, ARKIT_INDEX["mouthPucker"]] = 1.0
    own, found = anna.vertices(weights), head.vertices(weights)
    np.testing.assert_allclose(eye_distance(found, head), eye_distance(own, anna), rtol=0.15)
    np.testing.assert_allclose(lip_gap(found, head)[1], lip_gap(own, anna)[1], rtol=0.25)
    assert lip_gap(found, head)[[0, 2]].max() < 0.15 * lip_gap(found, head)[1]
    np.testing.assert_allclose(lip_width(found, head), lip_width(own, anna), rtol=0.35)
    assert lip_width(found, head)[3] < 0.9 * lip_width(found, head)[0]
    for camera in ("front", "close"):
        a, b = frame_head(anna, 1.0, camera), frame_head(head, 1.0, camera)
        assert np.linalg.norm(a.target - b.target) < 0.01 and a.distance == pytest.approx(b.distance, rel=0.15)


TURN = {"rotation": [0.0, 1.0, 0.0, 0.0]}  # half a turn about y


@pytest.mark.parametrize(
    ("node", "what"),
    [
        ({"scale": [100, 100, 100]}, "centimetres"),
        ({"scale": [1000, 1000, 1000], "translation": [0, 1700, 0]}, "millimetres, standing"),
        (TURN, "looking back"),
        ({"matrix": [1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1]}, "z up"),
    ],
)
def test_units_and_axes_are_put_right(anna, glb, tmp_path, node, what):
    content, body = unpack(glb)
    content["nodes"][0] |= node
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    points = [face.neutral[face.faces.ravel()].astype(float) for face in (anna, head)]
    np.testing.assert_allclose(points[0] - points[0].mean(0), points[1] - points[1].mean(0), atol=2e-5)
    jaw = ARKIT_INDEX["jawOpen"]
    moved = [face.deltas[jaw][face.faces.ravel()] for face in (anna, head)]
    np.testing.assert_allclose(moved[0], moved[1], atol=2e-5)


def test_mirrored_nodes_keep_the_outside_outside(glb, tmp_path):
    content, body = unpack(glb)
    content["nodes"][0] |= {"scale": [-1, 1, 1]}
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    corners = head.neutral[head.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.einsum("ij,ij->", corners.mean(1) - head.neutral.mean(0), cross) > 0


def test_texture_and_factor_colour_the_vertices(glb, tmp_path):
    import io

    from PIL import Image

    content, body = unpack(glb)
    primitive = content["meshes"][0]["primitives"][0]
    count = content["accessors"][primitive["attributes"]["POSITION"]]["count"]
    picture = Image.new("RGB", (2, 1), (200, 100, 50))
    picture.putpixel((1, 0), (10, 20, 30))
    data = io.BytesIO()
    picture.save(data, "PNG")
    uv = np.tile(np.array([[0.25, 0.5]], "<f4"), (count, 1))
    uv[::2, 0] = 1.75  # wraps round to the second pixel
    for part in (uv.tobytes(), data.getvalue()):
        content["bufferViews"].append({"buffer": 0, "byteOffset": len(body), "byteLength": len(part)})
        body += part + b"\0" * (-len(part) % 4)
    views = len(content["bufferViews"])
    content["accessors"].append({"bufferView": views - 2, "componentType": 5126, "count": count, "type": "VEC2"})
    del primitive["attributes"]["COLOR_0"]
    primitive["attributes"]["TEXCOORD_0"] = len(content["accessors"]) - 1
    content["images"] = [{"bufferView": views - 1, "mimeType": "image/png"}]
    content["textures"] = [{"source": 0}]
    surface = content["materials"][primitive["material"]]["pbrMetallicRoughness"]
    surface["baseColorTexture"] = {"index": 0}
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    skin = head.colors[np.unique(head.faces[slice(*head.parts["skin"])])]
    found = {tuple(color) for color in skin.tolist()}
    assert {(200, 100, 50), (10, 20, 30)} <= found and len(found) < 20
    del surface["baseColorTexture"]
    surface["baseColorFactor"] = [1.0, 0.5, 0.0, 1.0]  # linear
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    assert (255, 188, 0) in {tuple(color) for color in head.colors.tolist()}


def test_parents_skins_and_several_meshes(anna, glb, tmp_path):
    """Two nodes under a moved parent, one of them skinned to a joint that undoes its bind pose."""
    content, body = unpack(glb)
    primitives = content["meshes"][0]["primitives"]
    extras = content["meshes"][0]["extras"]
    content["meshes"] = [
        {"name": "face", "primitives": primitives[:1], "extras": extras},
        {"name": "rest", "primitives": primitives[1:], "extras": extras},
    ]
    count = content["accessors"][primitives[0]["attributes"]["POSITION"]]["count"]
    inverse = np.eye(4, dtype=np.float32)
    inverse[:3, 3] = (0.0, -1.0, 0.0)
    skin = [
        (inverse.T.astype("<f4"), {"componentType": 5126, "count": 1, "type": "MAT4"}),
        (np.zeros((count, 4), "u1"), {"componentType": 5121, "count": count, "type": "VEC4"}),
        (np.tile(np.array([255, 0, 0, 0], "u1"), (count, 1)), {"componentType": 5121, "count": count, "type": "VEC4"}),
    ]
    skin[2][1]["normalized"] = True
    first = len(content["accessors"])
    for data, accessor in skin:
        content["bufferViews"].append({"buffer": 0, "byteOffset": len(body), "byteLength": data.nbytes})
        content["accessors"].append({"bufferView": len(content["bufferViews"]) - 1, **accessor})
        body += data.tobytes() + b"\0" * (-data.nbytes % 4)
    primitives[0]["attributes"] = primitives[0]["attributes"] | {"JOINTS_0": first + 1, "WEIGHTS_0": first + 2}
    content["skins"] = [{"joints": [3], "inverseBindMatrices": first}]
    content["nodes"] = [
        {"children": [1, 2, 3], "translation": [0.0, 0.5, 0.0]},
        {"mesh": 0, "skin": 0, "translation": [9.0, 9.0, 9.0]},  # a skinned mesh's own place does not count
        {"mesh": 1},
        {"translation": [0.0, 1.0, 0.0]},
    ]
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    moved = head.neutral[head.faces.ravel()] - anna.neutral[anna.faces.ravel()]
    np.testing.assert_allclose(moved, np.broadcast_to([0.0, 0.5, 0.0], moved.shape), atol=2e-6)
    assert list(head.parts) == list(anna.parts)


def test_sparse_targets(glb, tmp_path):
    """A target that names the few vertices which it moves; the others stay."""
    content, body = unpack(glb)
    jaw = ARKIT_INDEX["jawOpen"]
    skin = content["meshes"][0]["primitives"][0]
    place = content["accessors"][skin["attributes"]["POSITION"]]
    start = content["bufferViews"][place["bufferView"]]["byteOffset"]
    positions = np.frombuffer(body, "<f4", 3 * place["count"], start).reshape(-1, 3)
    moved = np.array([40, 700, 3000], "<u2")
    offsets = np.array([[0.01, 0, 0], [0, -0.02, 0], [0, 0, 0.03]], "<f4")
    views = []
    for data in (moved, offsets):
        views.append(len(content["bufferViews"]))
        content["bufferViews"].append({"buffer": 0, "byteOffset": len(body), "byteLength": data.nbytes})
        body += data.tobytes() + b"\0" * (-data.nbytes % 4)
    content["accessors"][skin["targets"][jaw]["POSITION"]] = {
        "componentType": 5126,
        "count": place["count"],
        "type": "VEC3",
        "sparse": {
            "count": len(moved),
            "indices": {"bufferView": views[0], "componentType": 5123},
            "values": {"bufferView": views[1]},
        },
    }
    head = load_custom_head(pack(tmp_path / "head.gltf", content, body))
    rows = [int(np.linalg.norm(head.neutral - position, axis=1).argmin()) for position in positions[moved]]
    np.testing.assert_allclose(head.neutral[rows], positions[moved], atol=1e-6)
    np.testing.assert_allclose(head.deltas[jaw][rows], offsets, atol=1e-6)
    still = np.linalg.norm(positions[moved][:, None] - positions, axis=2).min(0) > 1e-4
    others = [int(np.linalg.norm(head.neutral - position, axis=1).argmin()) for position in positions[still][::50]]
    assert not head.deltas[jaw][others].any()


def rename(glb, tmp_path, names):
    content, body = unpack(glb)
    content["meshes"][0]["extras"]["targetNames"] = names
    return pack(tmp_path / "head.gltf", content, body)


def test_missing_shapes_are_listed_once_and_stay_still(glb, tmp_path, caplog):
    names = [name if "cheek" not in name else f"other{k}" for k, name in enumerate(ARKIT_NAMES)]
    source = rename(glb, tmp_path, names)
    with caplog.at_level(logging.WARNING, "sedtalker"):
        head = load_custom_head(source)
    assert len(caplog.records) == 1
    assert "lacks 3 of 52 shapes, which are skipped: cheekPuff, cheekSquintLeft, cheekSquintRight" in caplog.text
    assert not head.deltas[ARKIT_INDEX["cheekPuff"]].any() and head.deltas[ARKIT_INDEX["jawOpen"]].any()


def test_a_head_without_shapes_is_told_what_was_looked_for(glb, tmp_path):
    source = rename(glb, tmp_path, [f"viseme_{k}" for k in range(52)])
    with pytest.raises(InputError, match=r"head\.gltf: .*looked for .*jawOpen.*it has viseme_0, ") as caught:
        load_custom_head(source)
    assert "\n" not in str(caught.value)


def test_broken_files_are_one_line(glb, tmp_path):
    data = glb.read_bytes()
    content, _ = unpack(glb)
    packed = content | {"extensionsRequired": ["EXT_meshopt_compression"]}
    cut = content | {"buffers": [{"byteLength": 40, "uri": "data:;base64," + base64.b64encode(b"x" * 40).decode()}]}
    loop = content | {"nodes": [{"mesh": 0, "children": [0]}]}
    for name, written, said in (
        ("cut.glb", data[:5000], "is cut off"),
        ("text.glb", b"hello", "is not glTF"),
        ("packed.gltf", json.dumps(packed).encode(), "compressed"),
        ("short.gltf", json.dumps(cut).encode(), "damaged glTF"),
        ("loop.gltf", json.dumps(loop).encode(), "damaged glTF"),
        ("head.fbx", b"x", "is no head"),
        ("head.ply", b"ply\nx", "cannot be read as PLY"),
    ):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(InputError, match=said) as caught:
            load_custom_head(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        load_custom_head(tmp_path / "none.glb")


def test_a_head_without_jaw_and_lids_is_animated(anna, tmp_path, fake_models):
    """Its lips cannot be measured; and its origin lies at the feet."""
    folder, feet = tmp_path / "bust", np.float32([0, 1.6, 0])
    folder.mkdir()
    write_obj(folder / "neutral.obj", anna.neutral + feet, anna.faces, "")
    for name in ("mouthSmileLeft", "mouthSmileRight", "browInnerUp"):
        write_obj(folder / f"{name}.obj", anna.neutral + feet + anna.deltas[ARKIT_INDEX[name]], anna.faces, "")
    sound = write_sound(tmp_path / "speech.wav", 1.0)
    options = ("--lip-gain", "1.5", "--smooth", "0.1", "--head-motion", "on")
    call("animate", sound, "--head", folder, "--out", tmp_path / "out", *options)
    weights, vertices = (np.load(tmp_path / f"out/speech{suffix}") for suffix in (".weights.npy", ".npy"))
    assert np.isfinite(weights).all() and np.isfinite(vertices).all()
    motion = np.load(tmp_path / "out/speech.head.npy")
    middle = np.append(load_custom_head(folder).neutral.mean(0), 1)
    assert np.linalg.norm(motion[:, :3] @ middle - middle[:3], axis=1).max() < 0.015
