"""Expressions of VRM avatars: names for mixtures of morph targets, which the targets themselves need not have.

Avatars with "perfect sync" have one expression for each ARKit shape (`JawOpen`, ...).
"""

from __future__ import annotations

from typing import Any

Bind = tuple[int, float]  # index of a morph target, its weight


def expressions(content: dict[str, Any]) -> dict[int, dict[str, list[Bind]]]:
    """What each expression sets, by mesh.

    Args:
        content: JSON part of a glTF file; VRM 0.x (`VRM`) and 1.0 (`VRMC_vrm`) are known.

    Returns:
        Morph targets with their weights (0 to 1), by the mesh's index and the expression's name; empty where there
        is no VRM.
    """
    found: dict[int, dict[str, list[Bind]]] = {}
    extensions = content.get("extensions", {})
    for group in extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", []):
        # names are free (and may be missing, or in any language), those of presets are fixed
        own, preset = str(group.get("name") or ""), str(group.get("presetName") or "unknown")
        for name in dict.fromkeys((own, preset)):
            for bind in group.get("binds") or [] if name not in ("", "unknown") else ():
                binds = found.setdefault(bind["mesh"], {}).setdefault(name, [])
                binds.append((bind["index"], bind["weight"] / 100))
    kinds = extensions.get("VRMC_vrm", {}).get("expressions", {})
    for name, expression in [pair for kind in ("preset", "custom") for pair in (kinds.get(kind) or {}).items()]:
        for bind in expression.get("morphTargetBinds") or []:
            mesh = content["nodes"][bind["node"]].get("mesh")
            found.setdefault(mesh, {}).setdefault(name, []).append((bind["index"], bind["weight"]))
    return found


def humanoid_bones(content: dict[str, Any]) -> dict[str, int]:
    """Nodes of an avatar's bones by VRM's names (`head`, `leftEye` ...); empty where there is no VRM."""
    extensions = content.get("extensions", {})
    old = extensions.get("VRM", {}).get("humanoid", {}).get("humanBones", [])
    new = extensions.get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones", {})
    return {bone["bone"]: bone["node"] for bone in old} | {name: bone["node"] for name, bone in new.items()}
