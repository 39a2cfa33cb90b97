"""Heads as avatar makers and modelling programs write them."""

import io
import logging
import sys

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import Head, load_head
from sedtalker_cli.face.regions import lip_gap
from tests.commands import call
from tests.face.gltf_files import GltfBuilder, piece

SKIN = ("skin", "lips", "mouth")
FEET = np.float32([0.0, 1.62, 0.03])  # avatars stand on the ground
VROID = ("Fcl_ALL_Angry", "Fcl_EYE_Close", "Fcl_EYE_Close_L", "Fcl_MTH_A", "Fcl_MTH_I", "Fcl_BRW_Joy", "Fcl_HA_Fung1")


@pytest.fixture(scope="module")
def anna() -> Head:
    return load_head("anna")


def check(anna: Head, head: Head, parts: tuple[str, ...], shift=(0, 0, 0), atol=3e-6) -> None:
    """The same corners of triangles, at rest and in a pose."""
    weights = np.random.default_rng(0).uniform(0, 1, 52).astype(np.float32)
    faces = np.concatenate([anna.faces[slice(*anna.parts[part])] for part in parts]).ravel()
    for pose in (np.zeros(52, np.float32), weights):
        expected = anna.vertices(pose)[faces] + np.float32(shift)
        np.testing.assert_allclose(head.vertices(pose)[head.faces.ravel()], expected, atol=atol)


def ready_player_me(anna: Head) -> GltfBuilder:
    """Head, teeth and eyes apart, skinned to an armature in bind pose; sparse targets, and more than ARKit's."""
    file = GltfBuilder()
    names = [*ARKIT_NAMES, "mouthOpen", "viseme_aa"]
    root = file.node(name="Armature")
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = -FEET
    inverse = file.accessor(pose.T.reshape(1, 16))
    joint = file.node(root=False, name="Head", translation=FEET.tolist())
    file.content["nodes"][root]["children"] = [joint]
    file.content["skins"] = [{"joints": [joint], "inverseBindMatrices": inverse}]
    pieces = {
        "Wolf3D_Head": (SKIN, "Wolf3D_Skin"),
        "Wolf3D_Teeth": (("teeth_upper", "teeth_lower", "tongue"), "Wolf3D_Teeth"),
        "EyeLeft": (("eye_left",), "Wolf3D_Eye"),
        "EyeRight": (("eye_right",), "Wolf3D_Eye"),
    }
    for name, (parts, material) in pieces.items():
        vertices, faces, offsets = piece(anna, *parts)
        offsets = np.concatenate([offsets, offsets[[17, 17]]])
        mesh = file.mesh(name, vertices + FEET, faces, offsets, names, sparse=True, material=material)
        attributes = file.content["meshes"][mesh]["primitives"][0]["attributes"]
        attributes["JOINTS_0"] = file.accessor(np.zeros((len(vertices), 4), np.uint8))
        attributes["WEIGHTS_0"] = file.accessor(np.tile(np.float32([1, 0, 0, 0]), (len(vertices), 1)))
        place = file.node(root=False, name=name, mesh=mesh, skin=0, scale=[1, 1, 1])
        file.content["nodes"][root]["children"].append(place)
    return file


def test_ready_player_me(anna, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "sedtalker"):
        head = load_custom_head(ready_player_me(anna).write(tmp_path / "avatar.glb"))
    assert caplog.records == []
    parts = (*SKIN, "teeth_upper", "teeth_lower", "tongue", "eye_left", "eye_right")
    check(anna, head, parts, FEET)
    assert head.materials == {"Wolf3D_Skin": "skin", "Wolf3D_Teeth": "teeth", "eye_left": "eye", "eye_right": "eye"}
    open_mouth = np.zeros((1, 52), np.float32)
    open_mouth[0, ARKIT_INDEX["jawOpen"]] = 0.6
    np.testing.assert_allclose(
        lip_gap(head.vertices(open_mouth), head), lip_gap(anna.vertices(open_mouth), anna), rtol=0.3
    )


def test_vroid_lacks_arkits_shapes(anna, tmp_path):
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN)
    file.node(mesh=file.mesh("Face", vertices, faces, offsets[: len(VROID)], VROID, extras_at="primitive"))
    file.content["extensions"] = {"VRMC_vrm": {"expressions": {"preset": {"aa": {"morphTargetBinds": []}}}}}
    result = call("render", tmp_path / "a.npy", "--head", file.write(tmp_path / "a.vrm"), expect=2)
    assert "a.vrm: has no shape to move it: looked for shapes with ARKit's names, as jawOpen" in result.stderr
    assert "Fcl_ALL_Angry" in result.stderr and "'perfect sync'" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("names", [("あ", "い", "う", "え", "お", "まばたき"), (None,) * 6, ("",) * 6])
def test_presets_of_vrm_0_whatever_their_names(anna, tmp_path, names):
    """Expressions whose names are in Japanese, missing or empty: the preset says which they are."""
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN)
    shapes = [
        ARKIT_INDEX[name] for name in ("jawOpen", "mouthStretchLeft", "mouthPucker", "mouthSmileLeft", "mouthFunnel")
    ]
    shapes.append(ARKIT_INDEX["eyeBlinkLeft"])
    mesh = file.mesh("Face", vertices, faces, offsets[shapes], [f"shape_{k}" for k in range(6)])
    file.node(mesh=mesh)
    groups = [
        {"presetName": preset, "binds": [{"mesh": mesh, "index": k, "weight": 100}]}
        | ({} if name is None else {"name": name})
        for k, (preset, name) in enumerate(zip(("a", "i", "u", "e", "o", "blink_l"), names, strict=True))
    ]
    file.content["extensions"] = {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}
    head = load_custom_head(file.write(tmp_path / "a.vrm"))
    moved = np.abs(head.deltas).max((1, 2))
    assert moved[ARKIT_INDEX["jawOpen"]] > 0.001 and moved[ARKIT_INDEX["eyeBlinkLeft"]] > 0.001


@pytest.mark.parametrize("version", ["1.0", "0.x", "names"])
def test_perfect_sync(anna, tmp_path, version):
    """Expressions named after ARKit's shapes bind targets with other names; or the targets have these names."""
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN)
    pascal = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    names = pascal if version == "names" else [f"Fcl_PS_{k}" for k in range(52)]
    mesh = file.mesh("Face", vertices, faces, offsets * (1 if version == "names" else 2), names)
    back = {"rotation": [0, 1, 0, 0]} if version == "0.x" else {}  # VRM 0.x looks to -z
    node = file.node(mesh=mesh, **back)
    if version == "1.0":
        custom = {
            name: {"morphTargetBinds": [{"node": node, "index": k, "weight": 0.5}]} for k, name in enumerate(pascal)
        }
        file.content["extensions"] = {"VRMC_vrm": {"specVersion": "1.0", "expressions": {"custom": custom}}}
    elif version == "0.x":
        groups = [{"name": name, "binds": [{"mesh": mesh, "index": k, "weight": 50}]} for k, name in enumerate(pascal)]
        file.content["extensions"] = {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}
    check(anna, load_custom_head(file.write(tmp_path / "a.vrm")), SKIN)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("sparse", [True, False])
def test_quantized_by_the_exporter(anna, tmp_path, normalized, sparse):
    """KHR_mesh_quantization: 16-bit positions and targets, which the node's scale and place turn into metres."""
    vertices, faces, offsets = piece(anna, *SKIN)
    middle, scale = (vertices.max(0) + vertices.min(0)) / 2, float(np.ptp(vertices, axis=0).max())
    step = scale / 32767

    def store(values: np.ndarray, kind: str) -> int:
        facts = {"normalized": True} if normalized else {}
        rows = np.round(values / step).astype(np.int16)
        return file.sparse(rows, **facts) if kind == "target" and sparse else file.accessor(rows, **facts)

    file = GltfBuilder()
    mesh = file.mesh("Face", vertices, faces, [], [])
    primitive = file.content["meshes"][mesh]["primitives"][0]
    primitive["attributes"]["POSITION"] = store(vertices - middle, "rest")
    primitive["targets"] = [{"POSITION": store(offset, "target")} for offset in offsets]
    file.content["meshes"][mesh]["extras"] = {"targetNames": [*ARKIT_NAMES]}
    size = [scale if normalized else step] * 3
    inner = file.node(root=False, mesh=mesh, scale=size, translation=middle.tolist())
    file.node(name="dequantize", children=[inner])
    file.content["extensionsRequired"] = ["KHR_mesh_quantization"]
    check(anna, load_custom_head(file.write(tmp_path / "a.glb")), SKIN, atol=30 * step)


def test_centimetres_and_short_sides(anna, tmp_path, caplog):
    """As a MetaHuman's face is often exported: a hundred times as large, `MouthSmile_L` beside `mouthSmileLeft`."""
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN, "tongue")
    names = [
        f"head_lod0_mesh.{name[0].upper() + name[1:]}".replace("Left", "_L").replace("Right", "_R") if k % 2 else name
        for k, name in enumerate(ARKIT_NAMES)
    ]
    file.node(mesh=file.mesh("head_lod0_mesh", 100 * (vertices + FEET), faces, 100 * offsets, names))
    with caplog.at_level(logging.WARNING, "sedtalker"):
        check(anna, load_custom_head(file.write(tmp_path / "a.glb")), (*SKIN, "tongue"), FEET)
    assert caplog.records == []


def _ending(name: str, left: str, right: str) -> str:
    return name.replace("Left", left).replace("Right", right)


@pytest.mark.parametrize(
    "style",
    [
        lambda name: _ending(name, "_l", "_r"),
        lambda name: _ending(name, "_L", "_R"),
        lambda name: _ending(name, ".L", ".R"),
        lambda name: _ending(name, ".l.001", ".r.001"),
        lambda name: f"{name}.001",
        lambda name: f"{_ending(name, '_l', '_r')}_002",
        lambda name: f"blendShape1.{name}",
        lambda name: f"head:ARKit_{_ending(name, '_L', '_R')}",
        lambda name: f"Face|bs_{_ending(name, '_l', '_r')}.003",
    ],
)
def test_names_as_exporters_leave_them(anna, tmp_path, caplog, style):
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN, "tongue")
    file.node(mesh=file.mesh("head", vertices, faces, offsets, [style(name) for name in ARKIT_NAMES]))
    with caplog.at_level(logging.WARNING, "sedtalker"):
        check(anna, load_custom_head(file.write(tmp_path / "a.glb")), (*SKIN, "tongue"))
    assert caplog.records == []


@pytest.mark.parametrize("extension", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
@pytest.mark.parametrize("required", [True, False])
def test_meshopt_files_are_one_line(anna, tmp_path, extension, required):
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, "tongue")
    file.node(mesh=file.mesh("Face", vertices, faces, offsets[:1], ["jawOpen"]))
    for view in file.content["bufferViews"]:
        view["extensions"] = {extension: {**view, "mode": "ATTRIBUTES"}}
        view["buffer"] = 1
    file.content["extensionsUsed"] = [extension]
    if required:
        file.content["extensionsRequired"] = [extension]
    with pytest.raises(InputError, match=r"a\.glb: is compressed with meshopt .*export it uncompressed") as caught:
        load_custom_head(file.write(tmp_path / "a.glb"))
    assert "\n" not in str(caught.value)


def draco(anna, path, required=True, damaged=False):
    """A head as exporters compress it."""
    pytest.importorskip("DracoPy")
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN, "tongue")
    mesh = file.mesh("Face", vertices, faces, offsets, ARKIT_NAMES)
    file.compress(mesh, vertices, faces, required, damaged)
    file.node(mesh=mesh)
    return file.write(path)


@pytest.mark.parametrize("required", [True, False])
def test_draco_is_decoded(anna, tmp_path, required):
    check(anna, load_custom_head(draco(anna, tmp_path / "a.glb", required)), (*SKIN, "tongue"))


def test_draco_that_cannot_be_decoded_is_one_line(anna, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"a\.glb: its Draco compression is damaged .*export the head again"):
        load_custom_head(draco(anna, tmp_path / "a.glb", damaged=True))
    path = draco(anna, tmp_path / "b.glb")
    monkeypatch.setitem(sys.modules, "DracoPy", None)
    with pytest.raises(InputError, match=r'b\.glb: is compressed with Draco .*pip install "sedtalker\[draco\]"'):
        load_custom_head(path)


def test_webp_texture_in_an_atlas(anna, tmp_path):
    """The picture is named by an extension, and the coordinates are moved into its right half."""
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN)
    mesh = file.mesh("Face", vertices, faces, offsets, ARKIT_NAMES, material="Face")
    picture = Image.new("RGB", (8, 4), (250, 0, 0))
    picture.paste((0, 0, 250), (4, 0, 8, 4))
    data = io.BytesIO()
    picture.save(data, "WEBP", lossless=True)
    uv = np.tile(np.uint16([[8192, 32768]]), (len(vertices), 1))  # an eighth and a half
    attributes = file.content["meshes"][mesh]["primitives"][0]["attributes"]
    attributes["TEXCOORD_0"] = file.accessor(uv, normalized=True)
    file.content["images"] = [{"bufferView": file.view(data.getvalue()), "mimeType": "image/webp"}]
    file.content["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
    moved = {"offset": [0.5, 0], "scale": [2.0, 1.0]}
    texture = {"index": 0, "extensions": {"KHR_texture_transform": moved}}
    file.content["materials"][0]["pbrMetallicRoughness"] = {"baseColorTexture": texture}
    file.node(mesh=mesh)
    head = load_custom_head(file.write(tmp_path / "a.glb"))
    assert np.unique(head.colors, axis=0).tolist() == [[0, 0, 250]]


def test_damaged_expressions_are_one_line(anna, tmp_path):
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, "tongue")
    file.node(mesh=file.mesh("Face", vertices, faces, offsets[17:18], ["jawOpen"]))
    for broken in ([], {"expressions": {"custom": {"JawOpen": {"morphTargetBinds": [{"node": 99}]}}}}):
        file.content["extensions"] = {"VRMC_vrm": broken}
        with pytest.raises(InputError, match=r"a\.vrm: is damaged glTF"):
            load_custom_head(file.write(tmp_path / "a.vrm"))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("target", [True, False])
def test_vertices_out_of_sight_are_one_line(anna, tmp_path, value, target):
    file = GltfBuilder()
    vertices, faces, offsets = piece(anna, *SKIN)
    (offsets[17] if target else vertices)[100, 1] = value
    file.node(mesh=file.mesh("Face", vertices, faces, offsets, ARKIT_NAMES))
    with pytest.raises(InputError, match=r"a\.glb: is damaged glTF \(ValueError: .* not finite") as caught:
        load_custom_head(file.write(tmp_path / "a.glb"))
    assert "\n" not in str(caught.value)
