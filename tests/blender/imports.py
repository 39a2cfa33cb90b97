"""Blender script: what Blender makes of a glTF or USD file; prints shape keys and places of a frame as JSON.

imports.py -- FILE FPS FRAME
"""

import json
import sys

import bpy

source, fps, frame = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = int(fps)  # before the import: it turns seconds into frames
(bpy.ops.import_scene.gltf if source.endswith(".glb") else bpy.ops.wm.usd_import)(filepath=source)
bpy.context.scene.frame_set(int(frame))
depsgraph = bpy.context.evaluated_depsgraph_get()
found = {"keys": {}, "places": {}, "vertices": {}, "materials": [material.name for material in bpy.data.materials]}
found["colours"] = [
    node.attribute_name
    for material in bpy.data.materials
    for node in material.node_tree.nodes
    if node.type == "ATTRIBUTE" and node.outputs["Color"].links
]
for thing in bpy.data.objects:
    shown = thing.evaluated_get(depsgraph)
    found["places"][thing.name] = [list(row) for row in shown.matrix_world]
    if thing.type == "MESH" and thing.data.shape_keys:
        blocks = thing.data.shape_keys.key_blocks
        found["keys"][thing.name] = {block.name: block.value for block in blocks[1:]}
        found["vertices"][thing.name] = [list(shown.matrix_world @ vertex.co) for vertex in shown.data.vertices]
print("FOUND " + json.dumps(found))
