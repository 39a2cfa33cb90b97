"""USD through the package usd-core: a mesh with UsdSkel blend shapes and time samples of their weights.

`usdz` is an archive of the stage and its sound, which must be WAV, MP3 or M4A (specification of usdz 1.3).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.audio.writing import write_sound
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.atomic import atomic_file

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

ROUGHNESS = 0.6


def require_usd() -> None:
    """Find out whether usd-core is there.

    Raises:
        UsageError: it is not; says how to install it.
    """
    try:
        import pxr  # noqa: F401
    except ImportError:
        raise UsageError('--export usd and usdz need the package usd-core: pip install "sedtalker[usd]"') from None


def write_usd(
    path: str | os.PathLike,
    head: Head,
    weights: np.ndarray,
    fps: float,
    audio: str | None = None,
    head_motion: np.ndarray | None = None,
) -> None:
    """Write a stage in metres, y up, with a time code a frame.

    Args:
        path: `.usd` (binary), `.usda` (text) or `.usdc` file.
        head: neutral shape, shapes, parts, colours; shapes that move nothing are left out.
        weights: (T, K) in the order of `head.shape_names`.
        fps: frames a second.
        audio: sound file as seen from the file.
        head_motion: (T, 4, 4) [m] where each frame's vertices are moved to, as samples of the root's transform.

    Raises:
        UsageError: usd-core is not installed.
    """
    require_usd()
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdMedia, UsdShade, UsdSkel, Vt

    with atomic_file(path) as part:
        stage = Usd.Stage.CreateNew(os.fspath(part))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetFramesPerSecond(fps)
        stage.SetTimeCodesPerSecond(fps)
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(len(weights) - 1)
        root = UsdSkel.Root.Define(stage, "/Head")
        stage.SetDefaultPrim(root.GetPrim())
        mesh = _define_mesh(stage, head)
        UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(_define_material(stage))
        skeleton = UsdSkel.Skeleton.Define(stage, "/Head/Skeleton")  # UsdSkel plays blend shapes on a skeleton only
        animation = UsdSkel.Animation.Define(stage, "/Head/Skeleton/Speech")
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
        binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
        binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
        moving = [k for k in range(len(head.shape_names)) if head.deltas[k].any()]
        names = Vt.TokenArray([head.shape_names[k] for k in moving])
        shapes = []
        for k in moving:
            touched = np.flatnonzero(head.deltas[k].any(1)).astype(np.int32)
            shape = UsdSkel.BlendShape.Define(stage, mesh.GetPath().AppendChild(head.shape_names[k]))
            shape.CreateOffsetsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(head.deltas[k][touched], np.float32)))
            shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(touched))
            shapes.append(shape.GetPath())
        binding.CreateBlendShapesAttr(names)
        binding.CreateBlendShapeTargetsRel().SetTargets(shapes)
        animation.CreateBlendShapesAttr(names)
        samples = animation.CreateBlendShapeWeightsAttr()
        for frame, row in enumerate(np.ascontiguousarray(weights[:, moving], np.float32)):
            samples.Set(Vt.FloatArray.FromNumpy(row), frame)
        if head_motion is not None:
            transform = root.AddTransformOp()
            for frame, matrix in enumerate(head_motion):  # USD's vectors are rows
                transform.Set(Gf.Matrix4d(matrix.T.astype(float).tolist()), frame)
        if audio is not None:
            sound = UsdMedia.SpatialAudio.Define(stage, "/Head/Sound")
            sound.CreateFilePathAttr(Sdf.AssetPath(audio))
            sound.CreateAuralModeAttr(UsdMedia.Tokens.nonSpatial)
        stage.GetRootLayer().Save()
        del stage


def _define_mesh(stage, head: Head):
    """The neutral mesh with colours at its vertices and a subset of faces for every part."""
    from pxr import UsdGeom, Vt

    mesh = UsdGeom.Mesh.Define(stage, "/Head/Face")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(head.neutral, np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(head.faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(head.faces.ravel(), np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    low, high = head.neutral.min(0), head.neutral.max(0)
    mesh.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(np.stack([low, high]).astype(np.float32)))
    colours = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    colours.Set(Vt.Vec3fArray.FromNumpy(((head.colors / 255.0) ** 2.2).astype(np.float32)))
    names: set[str] = set()
    for part, (start, stop) in head.parts.items():
        name = _unused(part, names)
        faces = Vt.IntArray.FromNumpy(np.arange(start, stop, dtype=np.int32))
        UsdGeom.Subset.CreateGeomSubset(mesh, name, UsdGeom.Tokens.face, faces, "part", UsdGeom.Tokens.partition)
    return mesh


def _define_material(stage):
    """A surface with the mesh's own vertex colours."""
    from pxr import Sdf, UsdShade

    material = UsdShade.Material.Define(stage, "/Head/Colours")
    surface = UsdShade.Shader.Define(stage, "/Head/Colours/Surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(ROUGHNESS)
    reader = UsdShade.Shader.Define(stage, "/Head/Colours/Reader")
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    colour = reader.CreateOutput("result", Sdf.ValueTypeNames.Float3)
    surface.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(colour)
    output = surface.CreateOutput("surface", Sdf.ValueTypeNames.Token)
    material.CreateSurfaceOutput().ConnectToSource(output)
    return material


def _unused(name: str, taken: set[str]) -> str:
    """A name that USD allows and that is not `taken` yet; it is then."""
    from pxr import Tf

    valid = stem = Tf.MakeValidIdentifier(name)
    number = 2
    while valid in taken:
        valid, number = f"{stem}_{number}", number + 1
    taken.add(valid)
    return valid


def write_usdz(
    path: str | os.PathLike,
    head: Head,
    weights: np.ndarray,
    fps: float,
    audio: Path | None = None,
    head_motion: np.ndarray | None = None,
) -> None:
    """Write a package with everything in it.

    Args:
        path: `.usdz` file.
        head, weights, fps, head_motion: as for `write_usd`.
        audio: sound to take along, as WAV; None for none.

    Raises:
        UsageError: usd-core is not installed.
        InputError: the sound cannot be read.
    """
    require_usd()
    from pxr import Sdf, UsdUtils

    with atomic_file(path) as part, tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "speech.usdc"
        sound = None
        if audio is not None:
            sound = "./speech.wav"
            write_sound(audio, str(stage.with_suffix(".wav")), len(weights) / fps, kind="WAV")
        write_usd(stage, head, weights, fps, sound, head_motion)
        if not UsdUtils.CreateNewUsdzPackage(Sdf.AssetPath(str(stage)), os.fspath(part)):
            raise OSError(f"{path}: usd-core could not write the package")
