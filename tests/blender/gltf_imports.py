"""Blender script: what the recipe for Blender makes of a glTF file; prints shape keys and places of a frame as JSON.

gltf_imports.py -- FILE FPS FRAME
"""

import json
import sys

import bpy

source, fps, frame = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = int(fps)  # before the import: it turns seconds into frames
bpy.ops.import_scene.gltf(filepath=source)
bpy.context.scene.frame_set(int(frame))
depsgraph = bpy.context.evaluated_depsgraph_get()
found = {"keys": {}, "places": {}, "first": {}, "materials": [material.name for material in bpy.data.materials]}
for thing in bpy.data.objects:
    shown = thing.evaluated_get(depsgraph)
    found["places"][thing.name] = [list(row) for row in shown.matrix_world]
    if thing.type == "MESH" and thing.data.shape_keys:
        blocks = thing.data.shape_keys.key_blocks
        found["keys"][thing.name] = {block.name: block.value for block in blocks[1:]}
        found["first"][thing.name] = [list(shown.matrix_world @ vertex.co) for vertex in shown.data.vertices]
print("FOUND " + json.dumps(found))
