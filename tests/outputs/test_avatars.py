"""A user's own file with an animation added, as other programs open it: three layouts as avatar makers write them."""

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.gltf_surface import CLAMP, MIRROR
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import write_exports
from tests.face.gltf_files import GltfBuilder, piece
from tests.face.meshes import unpack
from tests.face.textured import add_picture, board
from tests.outputs.gltf_reading import read_accessor

pygltflib = pytest.importorskip("pygltflib")
FPS, FRAMES, SHOWN = 30, 20, 13
HEIGHT = np.array([0.0, 1.6, 0.0])  # of the middle of the eyes
NECK = np.array([0.0, 1.5, -0.05])
FACE, TEETH = ("skin", "lips"), ("teeth_lower",)


def parts_of(head) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of parts that a face has, and of those that teeth have."""
    teeth = tuple(part for part in head.parts if "teeth" in part)
    return tuple(part for part in head.parts if part not in teeth and "eye" not in part), teeth


def skinned(path, names=ARKIT_NAMES, vrm: bool = False, eye_shapes: bool = True, textured: bool = False):
    """Hips that carry a neck, a head and eyes; a face and teeth that follow the head, a body that follows the hips."""
    head = load_head("anna")
    build = GltfBuilder()
    body = build.node(name="Hips", translation=[0, 1.0, 0], rotation=[0, 0.3826834, 0, 0.9238795])  # looks to the side
    neck = build.node(root=False, name="Neck", translation=[0, 0.45, 0])
    top = build.node(
        root=False, name="mixamorig:Head", translation=[0, 0.05, -0.05], rotation=[0.0998334, 0, 0, 0.9950042]
    )
    eyes = [
        build.node(root=False, name=f"{side}Eye", translation=[x, 0.1, 0.05])
        for side, x in (("Left", 0.031), ("Right", -0.031))
    ]
    build.content["nodes"][body]["children"] = [neck]
    build.content["nodes"][neck]["children"] = [top]
    build.content["nodes"][top]["children"] = eyes
    places = global_matrices(build.content["nodes"], {}, body)
    joints = [body, neck, top, *eyes]
    inverse = np.stack([np.linalg.inv(places[joint]).T for joint in joints]).astype(np.float32)
    build.content["skins"] = [{"joints": joints, "inverseBindMatrices": build.accessor(inverse.reshape(-1, 16))}]
    kept = [k for k, name in enumerate(names) if eye_shapes or not str(name).startswith("eyeLook")]
    for number, parts in enumerate(parts_of(head)):
        vertices, faces, offsets = piece(head, *parts)
        # the file is in metres, turned as the hips are
        turn = places[body][:3, :3]
        mesh = build.mesh(
            ("Wolf3D_Head", "Wolf3D_Teeth")[number],
            (vertices + HEIGHT) @ turn.T,
            faces,
            offsets[kept] @ turn.T,
            [names[k] for k in kept],
            material=("Wolf3D_Skin", "Wolf3D_Teeth")[number],
        )
        follow(build, mesh, len(vertices), 2)
        if textured:
            paint(build, mesh, vertices)
        build.node(name=f"part{number}", mesh=mesh, skin=0)
    box = np.array([[0, 0, 0], [0.2, 0, 0], [0, 1, 0]], np.float32)
    mesh = build.mesh("Body", box, np.array([[0, 1, 2]]), np.zeros((0, 3, 3)), [])
    follow(build, mesh, 3, 0)
    build.node(name="body", mesh=mesh, skin=0)
    build.content["extensionsUsed"] = ["KHR_texture_transform", "KHR_materials_unlit"]
    if vrm:
        make_vrm(build, {"head": top, "neck": neck, "hips": body})
    return build.write(path)


def paint(build, mesh: int, vertices: np.ndarray) -> None:
    """A picture on the mesh, moved and scaled on it, and an extension of its material."""
    primitive = build.content["meshes"][mesh]["primitives"][0]
    primitive["attributes"]["TEXCOORD_0"] = build.accessor((vertices[:, :2] * 4 + 0.5).astype(np.float32))
    texture = {"index": add_picture(build, board(), wrapS=CLAMP, wrapT=MIRROR)}
    texture["extensions"] = {"KHR_texture_transform": {"scale": [0.5, 0.5], "offset": [0.25, 0.0]}}
    build.content["materials"][primitive["material"]] |= {
        "pbrMetallicRoughness": {"baseColorTexture": texture, "roughnessFactor": 0.7},
        "alphaMode": "MASK",
        "extensions": {"KHR_materials_unlit": {}},
    }


def make_vrm(build, bones: dict[str, int]) -> None:
    """VRM 1.0 with all bones that it asks for, and an expression for every target of the first mesh."""
    hips = build.content["nodes"][bones["hips"]]
    sided = ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
    missing = ["spine", *(f"{side}{bone}" for side in ("left", "right") for bone in sided)]
    bones = bones | {bone: build.node(root=False, name=f"J_{bone}") for bone in missing}
    hips["children"] += [bones[bone] for bone in missing]
    holder = next(k for k, node in enumerate(build.content["nodes"]) if node.get("mesh") == 0)
    names = build.content["meshes"][0]["extras"]["targetNames"]
    custom = {
        name: {"morphTargetBinds": [{"node": holder, "index": index, "weight": 1.0}]}
        for index, name in enumerate(names)
    }
    build.content["extensionsUsed"] += ["VRMC_vrm", "VRMC_springBone"]
    build.content["extensions"] = {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "meta": {"name": "Stand-in", "authors": ["nobody"], "licenseUrl": "https://vrm.dev/licenses/1.0/"},
            "humanoid": {"humanBones": {bone: {"node": node} for bone, node in bones.items()}},
            "expressions": {"custom": custom},
        },
        "VRMC_springBone": {"specVersion": "1.0"},
    }


def follow(build, mesh: int, count: int, joint: int) -> None:
    attributes = build.content["meshes"][mesh]["primitives"][0]["attributes"]
    attributes["JOINTS_0"] = build.accessor(np.tile(np.array([joint, 0, 0, 0], np.uint8), (count, 1)))
    attributes["WEIGHTS_0"] = build.accessor(np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)))


def matrix_of(node: dict, moved: dict) -> np.ndarray:
    local = np.eye(4)
    turn = moved.get("rotation", node.get("rotation", (0, 0, 0, 1)))
    local[:3, :3] = Rotation.from_quat(turn).as_matrix() * np.array(node.get("scale", (1, 1, 1)))
    local[:3, 3] = moved.get("translation", node.get("translation", (0, 0, 0)))
    return local


def global_matrices(nodes: list, moved: dict, root: int, above=None) -> dict[int, np.ndarray]:
    place = (np.eye(4) if above is None else above) @ matrix_of(nodes[root], moved.get(root, {}))
    found = {root: place}
    for child in nodes[root].get("children", []):
        found |= global_matrices(nodes, moved, child, place)
    return found


def act(head, rigid: bool = True) -> Motion:
    weights = np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)).astype(np.float32)
    turns = np.tile(np.eye(4), (FRAMES, 1, 1))
    angles = np.linspace(0, 0.3, FRAMES)
    turns[:, :3, :3] = Rotation.from_euler("YX", np.stack([angles, -angles / 3], 1)).as_matrix()
    moved = turns.astype(np.float32) if rigid else None
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights, 16), weights, moved)


def tracks_of(path) -> tuple[object, dict[tuple[str, str], np.ndarray]]:
    """The file, and its first animation's values by the node's name and path."""
    gltf = pygltflib.GLTF2().load(path)
    animation = gltf.animations[0]
    values = {}
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        np.testing.assert_allclose(read_accessor(gltf, sampler.input)[:, 0], np.arange(FRAMES) / FPS, atol=1e-6)
        values[gltf.nodes[channel.target.node].name, channel.target.path] = read_accessor(gltf, sampler.output)
    return gltf, values


def stays_itself(source, made) -> None:
    """All that was in the file is still there, at its place, and the binary chunk begins as it did."""
    (old, chunk), (new, longer) = unpack(source), unpack(made)
    assert longer[: len(chunk)] == chunk
    for kind, entries in old.items():
        if kind in ("accessors", "bufferViews"):
            assert new[kind][: len(entries)] == entries
        elif kind != "buffers":
            assert new[kind] == entries, kind
    assert set(new) - set(old) == {"animations"}


@pytest.mark.parametrize("vrm", [False, True], ids=["skinned", "vrm"])
def test_a_skinned_avatar_stays_itself_and_turns_its_head_alone(tmp_path, vrm):
    source = skinned(tmp_path / ("me.vrm" if vrm else "me.glb"), vrm=vrm)
    head = load_custom_head(source)
    motion = act(head)
    write_exports(tmp_path / "out", motion, ("glb",), "speech.wav")
    stays_itself(source, tmp_path / "out.glb")
    gltf, values = tracks_of(tmp_path / "out.glb")
    assert set(values) == {("part0", "weights"), ("part1", "weights"), ("mixamorig:Head", "rotation")}
    assert gltf.animations[0].extras == {"fps": FPS, "audio": "speech.wav"}
    for part in ("part0", "part1"):
        np.testing.assert_allclose(values[part, "weights"].reshape(FRAMES, 52), motion.weights, atol=1e-7)
    nodes = unpack(tmp_path / "out.glb")[0]["nodes"]
    names = [node["name"] for node in nodes]
    rest = global_matrices(nodes, {}, 0)
    carrier = names.index("mixamorig:Head")
    shown = global_matrices(nodes, {carrier: {"rotation": values["mixamorig:Head", "rotation"][SHOWN]}}, 0)
    for joint in (names.index("Hips"), names.index("Neck")):
        np.testing.assert_allclose(shown[joint], rest[joint], atol=1e-9)  # the body stays
    np.testing.assert_allclose(shown[carrier][:3, 3], rest[carrier][:3, 3], atol=1e-9)
    delta = shown[carrier][:3, :3] @ rest[carrier][:3, :3].T
    wanted = (
        head.placement.T @ motion.head_motion[SHOWN][:3, :3] @ head.placement / np.linalg.det(head.placement) ** (2 / 3)
    )
    np.testing.assert_allclose(delta, wanted, atol=1e-6)


def test_eyes_turn_by_joints_where_no_shape_moves_them(tmp_path):
    source = skinned(tmp_path / "me.glb", eye_shapes=False)
    head = load_custom_head(source)
    weights = np.zeros((FRAMES, 52), np.float32)
    weights[SHOWN, [ARKIT_INDEX["eyeLookOutLeft"], ARKIT_INDEX["eyeLookInRight"]]] = 1.0
    write_exports(tmp_path / "out", Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights), ("glb",))
    _, values = tracks_of(tmp_path / "out.glb")
    nodes = unpack(tmp_path / "out.glb")[0]["nodes"]
    for side in ("Left", "Right"):
        eye = next(k for k, node in enumerate(nodes) if node["name"] == f"{side}Eye")
        turns = values[f"{side}Eye", "rotation"]
        rest = global_matrices(nodes, {}, 0)[eye][:3, :3]
        shown = global_matrices(nodes, {eye: {"rotation": turns[SHOWN]}}, 0)[eye][:3, :3]
        looks = head.placement @ (shown @ rest.T) @ head.placement.T @ (0, 0, 1)
        assert np.degrees(np.arctan2(looks[0], looks[2])) == pytest.approx(24, abs=0.1)  # to the person's left
        np.testing.assert_allclose(turns[0], nodes[eye].get("rotation", (0, 0, 0, 1)), atol=1e-6)


def blender_named(path):
    """Shapes `mouthSmile.L`, a copy `jawOpen.001` on the teeth, one that is not ARKit's, a root that is turned."""
    head = load_head("anna")
    names = [name.replace("Left", ".L").replace("Right", ".R") for name in ARKIT_NAMES]
    build = GltfBuilder()
    for number, parts in enumerate(parts_of(head)):
        vertices, faces, offsets = piece(head, *parts)
        told = [*(names if number == 0 else [f"{name}.001" for name in names]), "Smirk"]
        offsets = np.concatenate([offsets, offsets[:1]])
        mesh = build.mesh(f"mesh{number}", vertices * 10, faces, offsets * 10, told)
        build.content["meshes"][mesh]["weights"][-1] = 0.25
        build.node(name=f"part{number}", mesh=mesh, rotation=[0, 1, 0, 0], translation=[0.5, 0, 0])
    build.content["animations"] = []
    return build.write(path)


def test_blenders_names_and_a_head_without_joints(tmp_path):
    source = blender_named(tmp_path / "me.glb")
    own = load_custom_head(source)
    motion = act(own)
    write_exports(tmp_path / "out", motion, ("glb",))
    stays_itself(source, tmp_path / "out.glb")
    gltf, values = tracks_of(tmp_path / "out.glb")
    for part in ("part0", "part1"):
        weights = values[part, "weights"].reshape(FRAMES, 53)
        np.testing.assert_allclose(weights[:, :52], motion.weights, atol=1e-7)
        np.testing.assert_allclose(weights[:, 52], 0.25)
    # what a viewer shows is where a film shows it
    nodes = unpack(tmp_path / "out.glb")[0]["nodes"]
    corners = []
    for node, primitive in zip(nodes, (mesh.primitives[0] for mesh in gltf.meshes), strict=True):
        points = read_accessor(gltf, primitive.attributes.POSITION).astype(float)
        for k, weight in enumerate(motion.weights[SHOWN]):
            points = points + weight * read_accessor(gltf, primitive.targets[k]["POSITION"])
        moved = {path: values[node["name"], path][SHOWN] for path in ("rotation", "translation")}
        place = matrix_of(node, moved)
        points = points @ place[:3, :3].T + place[:3, 3]
        corners.append(points[read_accessor(gltf, primitive.indices)[:, 0]])
    film = own.vertices(motion.weights[SHOWN]) @ motion.head_motion[SHOWN][:3, :3].T + motion.head_motion[SHOWN][:3, 3]
    shown = np.concatenate(corners) @ own.placement.T
    np.testing.assert_allclose(shown, film[own.faces.ravel()], atol=1e-4)


def test_a_compressed_file_stays_compressed(tmp_path):
    """Draco's part is passed on byte for byte; the weights are animated beside it."""
    pytest.importorskip("DracoPy")
    anna, file = load_head("anna"), GltfBuilder()
    vertices, faces, offsets = piece(anna, "skin", "lips")
    mesh = file.mesh("Face", vertices, faces, offsets, ARKIT_NAMES)
    file.compress(mesh, vertices, faces)
    file.node(mesh=mesh, name="Face")
    source = file.write(tmp_path / "me.glb")
    motion = act(load_custom_head(source), rigid=False)
    write_exports(tmp_path / "a", motion, ["glb"])
    stays_itself(source, tmp_path / "a.glb")
    _, values = tracks_of(tmp_path / "a.glb")
    assert np.array_equal(values["Face", "weights"].reshape(FRAMES, 52), motion.weights)


LAYOUTS = {
    "skinned-textured": lambda folder: skinned(folder / "me.glb", textured=True),
    "vrm-1.0": lambda folder: skinned(folder / "me.vrm", vrm=True, textured=True),
    "blender-named": lambda folder: blender_named(folder / "me.glb"),
}
KEPT = (
    *("asset", "scene", "scenes", "nodes", "skins", "meshes", "materials", "textures", "images", "samplers"),
    *("extensions", "extensionsUsed", "extensionsRequired"),
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_avatar_comes_through_as_pygltflib_sees_it(tmp_path, layout):
    """Everything is as it was, pictures included, and weights are animated under the file's own names."""
    source = LAYOUTS[layout](tmp_path)
    motion = act(load_custom_head(source))
    write_exports(tmp_path / "out", motion, ["glb"])
    old, new = (pygltflib.GLTF2().load_binary(path) for path in (source, tmp_path / "out.glb"))
    read = [json.loads(file.gltf_to_json()) for file in (old, new)]
    for kind in KEPT:
        assert read[1].get(kind) == read[0].get(kind), kind
    assert bool(new.skins) == bool(new.textures) == (layout != "blender-named")
    assert ("VRMC_vrm" in new.extensions) == (layout == "vrm-1.0")
    for image in old.images:
        views = [file.bufferViews[image.bufferView] for file in (old, new)]
        pictures = [
            file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
            for file, view in zip((old, new), views, strict=True)
        ]
        assert pictures[0] == pictures[1] and pictures[0].startswith(b"\x89PNG")
    assert not old.animations and len(new.animations) == 1
    animated = {}
    for channel in new.animations[0].channels:
        if channel.target.path == "weights":
            names = new.meshes[new.nodes[channel.target.node].mesh].extras["targetNames"]
            values = read_accessor(new, new.animations[0].samplers[channel.sampler].output).reshape(FRAMES, -1)
            animated[channel.target.node] = dict(zip(names, values.T, strict=True))
    assert len(animated) == 2  # the face and its teeth
    own = {
        "skinned-textured": ("jawOpen", "mouthSmileLeft", "browDownRight"),
        "vrm-1.0": ("jawOpen", "mouthSmileLeft", "browDownRight"),
        "blender-named": ("jawOpen", "mouthSmile.L", "browDown.R"),
    }[layout]
    for node, curves in animated.items():
        for name, meant in zip(own, ("jawOpen", "mouthSmileLeft", "browDownRight"), strict=True):
            written = name if name in curves else f"{name}.001"  # on the teeth of Blender's
            assert np.array_equal(curves[written], motion.weights[:, ARKIT_INDEX[meant]]), (node, name)
