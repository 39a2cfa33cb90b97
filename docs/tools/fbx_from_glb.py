"""Blender script: speech.glb to speech.fbx, with shape keys, their animation and the sound's frame rate.

Run it with Blender 3.6 or newer, without its window:

    blender --background --factory-startup --python docs/tools/fbx_from_glb.py -- speech.glb speech.fbx [FPS]
"""

import sys
from pathlib import Path

import bpy


def convert(source: Path, target: Path, fps: int) -> None:
    """Write an FBX file of a glTF file's scene; frame 0 is its first."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = fps  # before the import: it turns seconds into frames
    bpy.ops.import_scene.gltf(filepath=str(source))
    last = max((action.frame_range[1] for action in bpy.data.actions), default=0)
    scene.frame_start, scene.frame_end = 0, round(last)
    bpy.ops.export_scene.fbx(
        filepath=str(target),
        object_types={"MESH", "EMPTY", "ARMATURE"},
        bake_anim=True,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,  # every frame as it is
        add_leaf_bones=False,
        use_mesh_modifiers=False,  # they would remove the shape keys
    )


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :]
    convert(Path(given[0]).resolve(), Path(given[1]).resolve(), int(given[2]) if len(given) > 2 else 30)
