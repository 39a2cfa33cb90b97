"""Exports, each read back by a reader that is not ours."""

import csv
import io
import re
import struct
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.head import load_head
from sedtalker_cli.formats.live_link import HEADER, SHAPES, read_live_link, timecode, write_live_link
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.exports.registry import export_suffixes, parse_formats, write_exports
from tests.outputs.gltf_reading import posed, read_accessor

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
    with pytest.raises(UsageError, match="'fbx' is unknown: give one or more of arkit-csv, arkit-npy, glb"):
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
    scene = gltf.scenes[gltf.scene]
    assert scene.extras == {"fps": FPS, "units": "metres", "audio": "../speech.wav"}
    mesh = gltf.meshes[0]
    assert mesh.extras["targetNames"] == list(ARKIT_NAMES) and len(mesh.weights) == 52
    assert len(mesh.primitives) == len(motion.head.parts)
    assert [gltf.materials[p.material].name for p in mesh.primitives] == list(motion.head.parts)
    head, faces = motion.head, motion.head.faces.ravel()
    np.testing.assert_allclose(posed(gltf, np.zeros(52)), head.neutral[faces], atol=1e-7)
    colours = np.concatenate([read_accessor(gltf, p.attributes.COLOR_0) for p in mesh.primitives])
    white = head.colors.max()
    assert colours[:, :3].max() == pytest.approx(65535 * ((white / 255 + 0.055) / 1.055) ** 2.4, abs=70)  # linear
    # Frame 7 as a viewer makes it: neutral plus targets by the animation's weights.
    animation = gltf.animations[0]
    assert animation.channels[0].target.path == "weights" and animation.channels[0].target.node == scene.nodes[0]
    times = read_accessor(gltf, animation.samplers[0].input)[:, 0]
    np.testing.assert_allclose(times, np.arange(FRAMES) / FPS, atol=1e-6)
    weights = read_accessor(gltf, animation.samplers[0].output).reshape(FRAMES, 52)
    np.testing.assert_allclose(posed(gltf, weights[7]), head.vertices(motion.weights[7])[faces], atol=1e-6)
    for primitive in mesh.primitives:
        position = gltf.accessors[primitive.attributes.POSITION]
        vertices = read_accessor(gltf, primitive.attributes.POSITION)
        np.testing.assert_allclose([position.min, position.max], [vertices.min(0), vertices.max(0)])
        normals = read_accessor(gltf, primitive.attributes.NORMAL)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def test_glb_loads_each_vertex_once_for_its_material(motion, folder):
    """What a graphics card holds of shapes grows with vertices times targets, of every primitive."""
    pygltflib = pytest.importorskip("pygltflib")
    gltf = pygltflib.GLTF2().load(folder / "speech.glb")
    primitives = gltf.meshes[0].primitives
    loaded = sum(gltf.accessors[primitive.attributes.POSITION].count for primitive in primitives)
    assert loaded < 1.05 * len(motion.head.neutral)
    for primitive in primitives:
        used = np.unique(read_accessor(gltf, primitive.indices))
        assert len(used) == gltf.accessors[primitive.attributes.POSITION].count
    assert (folder / "speech.glb").stat().st_size < 5e6


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


def test_arkit_npy_is_in_emotalks_order(motion, tmp_path):
    """EmoTalk's render.py moves browDownLeft with column 0; its demo.py writes blinks to columns 8 and 9."""
    write_exports(tmp_path / "a", motion, ("arkit-npy",))
    table = np.load(tmp_path / "a.arkit.npy")
    assert table.shape == (FRAMES, 52) and table.dtype == np.float32
    for name, column in (("browDownLeft", 0), ("eyeBlinkLeft", 8), ("eyeBlinkRight", 9), ("jawOpen", 24)):
        np.testing.assert_array_equal(table[:, column], motion.weights[:, ARKIT_INDEX[name]])
    np.testing.assert_array_equal(table[:, 51], motion.weights[:, ARKIT_INDEX["tongueOut"]])


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


def errors_of(stage) -> list[str]:
    """What usd-core's own validators complain of."""
    from pxr import UsdValidation

    registry = UsdValidation.ValidationRegistry()
    context = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators())
    return [f"{error.GetName()}: {error.GetMessage()}" for error in context.Validate(stage)]


def test_usd_shows_the_heads_colours(motion, tmp_path):
    """A renderer that knows materials only finds the mesh's colours through one that is bound to it."""
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdShade

    write_exports(tmp_path / "a", motion, ("usd",))
    stage = Usd.Stage.Open(str(tmp_path / "a.usd"))
    assert not errors_of(stage)
    face = stage.GetPrimAtPath("/Head/Face")
    material, _ = UsdShade.MaterialBindingAPI(face).ComputeBoundMaterial()
    surface, _, _ = material.ComputeSurfaceSource()
    assert surface.GetIdAttr().Get() == "UsdPreviewSurface"
    reader = UsdShade.Shader(surface.GetInput("diffuseColor").GetConnectedSource()[0])
    assert reader.GetIdAttr().Get() == "UsdPrimvarReader_float3"
    primvar = UsdGeom.PrimvarsAPI(face).GetPrimvar(reader.GetInput("varname").Get())
    assert len(primvar.Get()) == len(motion.head.neutral) and np.ptp(np.array(primvar.Get()), 0).max() > 0.3


def test_parts_of_any_name_become_usd(motion, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom

    names = ("1 Skin-é", "1_Skin_é", "", "/a.b:c")
    third = len(motion.head.faces) // 4
    parts = {name: (k * third, (k + 1) * third) for k, name in enumerate(names)}
    head = replace(motion.head, parts=parts, materials={})
    write_exports(tmp_path / "a", Motion(head, FPS, FRAMES, motion.stream, motion.weights), ("usd",))
    stage = Usd.Stage.Open(str(tmp_path / "a.usd"))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Face"))
    subsets = UsdGeom.Subset.GetGeomSubsets(mesh, "face", "part")
    assert [len(subset.GetIndicesAttr().Get()) for subset in subsets] == [third] * 4


def test_usdz_is_whole_and_valid(motion, tmp_path):
    pytest.importorskip("pxr")
    import soundfile
    from pxr import Usd, UsdGeom, UsdMedia, UsdSkel

    soundfile.write(tmp_path / "speech.flac", np.sin(np.arange(16000) / 20) / 2, 16000)
    heard = Motion(motion.head, FPS, FRAMES, motion.stream, motion.weights, audio=tmp_path / "speech.flac")
    write_exports(tmp_path / "out", heard, ("usdz",), "speech.flac")
    with zipfile.ZipFile(tmp_path / "out.usdz") as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == ["speech.usdc", "speech.wav"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        sound, rate = soundfile.read(io.BytesIO(archive.read("speech.wav")))
    assert rate == 16000 and len(sound) == 16000
    stage = Usd.Stage.Open(str(tmp_path / "out.usdz"))
    assert not errors_of(stage)
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == FPS
    path = UsdMedia.SpatialAudio(stage.GetPrimAtPath("/Head/Sound")).GetFilePathAttr().Get()
    assert path.path == "./speech.wav" and path.resolvedPath.endswith("[speech.wav]")
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Head/Face"))
    query = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(mesh.GetPrim()))
    assert query.GetNumBlendShapes() == 52


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
