"""Exports, each read back by a reader that is not ours."""

import csv
import re
import struct

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.live_link import HEADER, SHAPES, read_live_link, timecode, write_live_link
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import export_suffixes, parse_formats, write_exports

FPS, FRAMES = 25, 30
HEADER_AXES = ("Yaw", "Pitch", "Roll")


@pytest.fixture(scope="module")
def motion() -> Motion:
    head = load_head("anna")
    weights = np.random.default_rng(0).uniform(0, 1, (FRAMES, 52)).astype(np.float32)
    return Motion(head, FPS, FRAMES, lambda: head.stream(weights, 16), weights)


@pytest.fixture(scope="module")
def folder(motion, tmp_path_factory):
    """Everything but USD, written once."""
    folder = tmp_path_factory.mktemp("exports")
    write_exports(folder / "speech", motion, parse_formats(["arkit-csv,glb", "mdd, npy,pc2"]), "../speech.wav")
    return folder


def test_names_of_formats(folder):
    assert parse_formats(["GLB, pc2", "glb"]) == ("glb", "pc2")
    assert export_suffixes(("mdd", "pc2")) == (".mdd", ".neutral.obj", ".pc2")
    with pytest.raises(UsageError, match="'fbx' is unknown: give one or more of arkit-csv, glb"):
        parse_formats(["glb,fbx"])
    names = {f"speech{suffix}" for suffix in export_suffixes(parse_formats(["arkit-csv,glb,mdd,npy,pc2"]))}
    assert {path.name for path in folder.iterdir()} == names


def test_live_link_csv_has_the_apps_columns_and_time_code(motion, folder):
    with open(folder / "speech.arkit.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:3] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft"] and len(header) == 2 + 61
    assert header[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert header[-9:] == [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in HEADER_AXES]
    assert {name[0].lower() + name[1:] for name in SHAPES} == set(ARKIT_NAMES)
    assert len(rows) == FRAMES and {row[1] for row in rows} == {"61"}
    assert [rows[k][0] for k in (0, 24, 25)] == ["00:00:00:00.000", "00:00:00:57.600", "00:00:01:00.000"]
    table = {name: np.array([float(row[k]) for row in rows]) for k, name in enumerate(header) if k > 1}
    for name in ARKIT_NAMES:
        np.testing.assert_allclose(table[name[0].upper() + name[1:]], motion.weights[:, ARKIT_INDEX[name]], atol=1e-6)
    weights, angles = read_live_link(folder / "speech.arkit.csv")
    assert weights.shape == (FRAMES, 52) and not angles[:, :3].any()


def app_seconds(code: str) -> float:
    """Seconds of a time code as recordings of the Live Link Face app count them: FF.fff are 60ths of a second."""
    hours, minutes, seconds, ticks = code.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(ticks) / 60


@pytest.mark.parametrize("fps", [25, 29.97, 30, 50, 60])
def test_time_code_is_the_frames_time(fps):
    frames = [0, 1, 7, 29, 59, 60, 1799, 3600 * 60 + 61, 1_000_000]
    codes = [timecode(frame, fps) for frame in frames]
    assert all(re.fullmatch(r"\d{2}:[0-5]\d:[0-5]\d:[0-5]\d\.\d{3}", code) for code in codes)
    np.testing.assert_allclose([app_seconds(code) for code in codes], np.array(frames) / fps, atol=1e-5)


def test_time_code_of_the_apps_own_recordings():
    """Rows of a take at 60 frames a second step by one; at 30 by two, at 25 by 2.4."""
    assert [timecode(k, 60) for k in (1, 59, 60)] == ["00:00:00:01.000", "00:00:00:59.000", "00:00:01:00.000"]
    assert [timecode(k, 30) for k in (1, 29)] == ["00:00:00:02.000", "00:00:00:58.000"]
    assert [timecode(k, 25) for k in (1, 24)] == ["00:00:00:02.400", "00:00:00:57.600"]
    assert timecode(int(10.5 * 3600 * 30), 30) == "10:30:00:00.000"


def columns(path) -> dict[str, np.ndarray]:
    """A recording's columns by name, read as CSV."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return {name: np.array([float(row[k]) for row in rows]) for k, name in enumerate(header) if k > 1}


def test_eyes_turn_as_the_apps_do(tmp_path):
    """To the person's right and down is positive, about 1.5 and 1.9 rad for a coefficient of 1."""
    weights = np.zeros((6, 52), np.float32)
    for row, names in enumerate((["eyeLookOutLeft", "eyeLookInRight"], ["eyeLookInLeft", "eyeLookOutRight"])):
        weights[row, [ARKIT_INDEX[name] for name in names]] = 0.5
    weights[2, [ARKIT_INDEX[f"eyeLookDown{side}"] for side in ("Left", "Right")]] = 1.0
    weights[3, [ARKIT_INDEX[f"eyeLookUp{side}"] for side in ("Left", "Right")]] = 1.0
    write_live_link(tmp_path / "a.csv", weights, ARKIT_NAMES, 30)
    table = columns(tmp_path / "a.csv")
    for side in ("Left", "Right"):
        np.testing.assert_allclose(table[f"{side}EyeYaw"], [-0.75, 0.75, 0, 0, 0, 0])
        np.testing.assert_allclose(table[f"{side}EyePitch"], [0, 0, 1.9, -1.9, 0, 0])
        assert not table[f"{side}EyeRoll"].any()


def test_the_head_turns_as_the_apps_does(motion, tmp_path):
    """HeadYaw is positive to the person's left, HeadPitch upwards."""
    looks = np.tile(np.eye(4), (FRAMES, 1, 1))
    looks[1, :3, :3] = Rotation.from_euler("y", 0.2).as_matrix()  # the face, +z, goes to +x, the person's left
    looks[2, :3, :3] = Rotation.from_euler("x", -0.1).as_matrix()  # and up
    assert (looks[1, :3, :3] @ (0, 0, 1))[0] > 0.1 and (looks[2, :3, :3] @ (0, 0, 1))[1] > 0.05
    moved = Motion(motion.head, FPS, FRAMES, motion.stream, motion.weights, looks.astype(np.float32))
    write_exports(tmp_path / "a", moved, ("arkit-csv",))
    table = columns(tmp_path / "a.arkit.csv")
    np.testing.assert_allclose([table[f"Head{axis}"][1] for axis in HEADER_AXES], [0.2, 0, 0], atol=1e-5)
    np.testing.assert_allclose([table[f"Head{axis}"][2] for axis in HEADER_AXES], [0, 0.1, 0], atol=1e-5)


def test_live_link_errors(folder, tmp_path):
    lines = (folder / "speech.arkit.csv").read_text().splitlines()
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([lines[0].replace("JawOpen", "Jaw"), *lines[1:]]))
    with pytest.raises(InputError, match=r"bad\.csv:1: lacks the column JawOpen"):
        read_live_link(bad)
    bad.write_text("\n".join([lines[0], lines[1], lines[2].replace(",", ";")]))
    with pytest.raises(InputError, match=r"bad\.csv:3: is not a row"):
        read_live_link(bad)
    assert lines[0].split(",") == list(HEADER)


def test_glb_in_pygltflib(motion, folder):
    pygltflib = pytest.importorskip("pygltflib")
    gltf = pygltflib.GLTF2().load(folder / "speech.glb")
    blob = gltf.binary_blob()

    def read(index: int, width: int) -> np.ndarray:
        accessor = gltf.accessors[index]
        view = gltf.bufferViews[accessor.bufferView]
        kind = {5126: "<f4", 5125: "<u4", 5123: "<u2"}[accessor.componentType]
        return np.frombuffer(blob, kind, accessor.count * width, view.byteOffset).reshape(-1, width)

    scene = gltf.scenes[gltf.scene]
    assert scene.extras == {"fps": FPS, "units": "metres", "audio": "../speech.wav"}
    mesh = gltf.meshes[0]
    assert mesh.extras["targetNames"] == list(ARKIT_NAMES) and len(mesh.weights) == 52
    assert len(mesh.primitives) == len(motion.head.parts)
    assert [gltf.materials[p.material].name for p in mesh.primitives] == list(motion.head.parts)
    first = mesh.primitives[0]
    position = gltf.accessors[first.attributes.POSITION]
    np.testing.assert_array_equal(read(first.attributes.POSITION, 3), motion.head.neutral)
    np.testing.assert_allclose(position.max, motion.head.neutral.max(0))
    faces = np.concatenate([read(p.indices, 1).reshape(-1, 3) for p in mesh.primitives])
    np.testing.assert_array_equal(faces, motion.head.faces)
    colours = read(first.attributes.COLOR_0, 4)
    white = np.flatnonzero((motion.head.colors == motion.head.colors.max()).any(1))[0]
    expected = ((motion.head.colors[white] / 255 + 0.055) / 1.055) ** 2.4  # linear
    np.testing.assert_allclose(colours[white, :3] / 65535, expected, atol=1e-3)
    # Frame 7 as a viewer makes it: neutral plus targets by the animation's weights.
    animation = gltf.animations[0]
    assert animation.channels[0].target.path == "weights" and animation.channels[0].target.node == scene.nodes[0]
    times = read(animation.samplers[0].input, 1)[:, 0]
    np.testing.assert_allclose(times, np.arange(FRAMES) / FPS, atol=1e-6)
    weights = read(animation.samplers[0].output, 1).reshape(FRAMES, 52)
    targets = np.stack([read(target["POSITION"], 3) for target in first.targets])
    posed = motion.head.neutral + np.tensordot(weights[7], targets, 1)
    np.testing.assert_allclose(posed, motion.head.vertices(motion.weights[7]), atol=1e-6)
    normals = read(first.attributes.NORMAL, 3)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def test_glb_in_trimesh(motion, folder):
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load(folder / "speech.glb", process=False)
    meshes = list(scene.geometry.values())
    assert sum(len(mesh.faces) for mesh in meshes) == len(motion.head.faces)
    np.testing.assert_allclose(scene.bounds, [motion.head.neutral.min(0), motion.head.neutral.max(0)], atol=1e-6)
    assert sum(mesh.area for mesh in meshes) == pytest.approx(
        trimesh.Trimesh(motion.head.neutral, motion.head.faces, process=False).area, rel=1e-4
    )


def test_pc2_as_blender_reads_it(motion, folder):
    data = (folder / "speech.pc2").read_bytes()
    magic, version, points, start, step, samples = struct.unpack_from("<12siiffi", data)
    assert (magic, version, start, step) == (b"POINTCACHE2\0", 1, 0.0, 1.0)
    assert (points, samples) == (len(motion.head.neutral), FRAMES)
    assert len(data) == 32 + samples * points * 12
    frame = np.frombuffer(data, "<f4", points * 3, 32 + 7 * points * 12).reshape(-1, 3)
    np.testing.assert_allclose(frame, motion.head.vertices(motion.weights[7]), atol=1e-6)


def test_mdd_is_big_endian_with_times(motion, folder):
    data = (folder / "speech.mdd").read_bytes()
    frames, points = struct.unpack_from(">ii", data)
    assert (frames, points) == (FRAMES, len(motion.head.neutral))
    np.testing.assert_allclose(struct.unpack_from(f">{frames}f", data, 8), np.arange(frames) / FPS, atol=1e-6)
    frame = np.frombuffer(data, ">f4", points * 3, 8 + 4 * frames + 7 * points * 12).reshape(-1, 3)
    np.testing.assert_allclose(frame, motion.head.vertices(motion.weights[7]), atol=1e-6)
    assert len(data) == 8 + 4 * frames + frames * points * 12


def test_caches_come_with_the_mesh_they_are_played_on(motion, folder):
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.load(folder / "speech.neutral.obj", process=False)
    np.testing.assert_allclose(mesh.vertices, motion.head.neutral, atol=6e-7)
    np.testing.assert_array_equal(mesh.faces, motion.head.faces)


def test_npy(motion, folder):
    np.testing.assert_allclose(np.load(folder / "speech.npy"), motion.head.vertices(motion.weights), atol=1e-6)


def test_usd_in_usd_core(motion, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdMedia, UsdSkel

    write_exports(tmp_path / "speech", motion, ("usd",), "../speech.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["speech.usd"]
    stage = Usd.Stage.Open(str(tmp_path / "speech.usd"))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == FPS
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, FRAMES - 1)
    sound = UsdMedia.SpatialAudio(stage.GetPrimAtPath("/Head/Sound"))
    assert sound.GetFilePathAttr().Get().path == "../speech.wav"
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Face"))
    np.testing.assert_allclose(mesh.GetPointsAttr().Get(), motion.head.neutral, atol=1e-7)
    subsets = UsdGeom.Subset.GetGeomSubsets(mesh, "face", "part")
    assert [subset.GetPrim().GetName() for subset in subsets] == list(motion.head.parts)
    # USD itself works out frame 7.
    UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetPrimAtPath("/Head")))
    baked = np.array(mesh.GetPointsAttr().Get(7))
    np.testing.assert_allclose(baked, motion.head.vertices(motion.weights[7]), atol=2e-6)


def test_usd_without_usd_core_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(UsageError, match=r"sedtalker\[usd\]"):
        parse_formats(["usd"])


def test_vertices_alone_cannot_become_shapes(motion, tmp_path):
    bare = Motion(motion.head, FPS, FRAMES, motion.stream)
    write_exports(tmp_path / "a", bare, ("pc2",))
    for name in ("arkit-csv", "glb"):
        with pytest.raises(InputError, match=r"vertices only.*export obj, npy, pc2 or mdd"):
            write_exports(tmp_path / "a", bare, (name,))
