"""Blender script: plays a vertex cache on its mesh, writes it as Alembic, plays that; prints a frame of both as JSON.

cache_plays.py -- OBJ PC2 ALEMBIC FPS FRAMES FRAME
"""

import json
import sys

import bpy

mesh, cache, alembic, fps, frames, frame = sys.argv[sys.argv.index("--") + 1 :]


def empty() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = int(fps)
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 0, int(frames) - 1


def shown() -> list[list[float]]:
    bpy.context.scene.frame_set(int(frame))
    thing = next(thing for thing in bpy.data.objects if thing.type == "MESH")
    evaluated = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return [list(evaluated.matrix_world @ vertex.co) for vertex in evaluated.data.vertices]


empty()
bpy.ops.wm.obj_import(filepath=mesh)
modifier = bpy.context.selected_objects[0].modifiers.new("speech", "MESH_CACHE")
modifier.filepath = cache
modifier.cache_format = "PC2" if cache.endswith(".pc2") else "MDD"
found = {"cache": shown()}
bpy.ops.wm.alembic_export(filepath=alembic, start=0, end=int(frames) - 1)
empty()
bpy.ops.wm.alembic_import(filepath=alembic)
found["alembic"] = shown()
print("FOUND " + json.dumps(found))
