"""USD through the package usd-core: a mesh with UsdSkel blend shapes and time samples of their weights."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.atomic import atomic_file

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head


def require_usd() -> None:
    """Find out whether usd-core is there.

    Raises:
        UsageError: it is not; says how to install it.
    """
    try:
        import pxr  # noqa: F401
    except ImportError:
        raise UsageError('--export usd needs the package usd-core: pip install "sedtalker[usd]"') from None


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
    from pxr import Gf, Sdf, Usd, UsdGeom, UsdMedia, UsdSkel, Vt

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
    for part, (start, stop) in head.parts.items():
        name = re.sub(r"\W", "_", part)
        faces = Vt.IntArray.FromNumpy(np.arange(start, stop, dtype=np.int32))
        UsdGeom.Subset.CreateGeomSubset(mesh, name, UsdGeom.Tokens.face, faces, "part", UsdGeom.Tokens.partition)
    return mesh
