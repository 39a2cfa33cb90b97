"""Meshes that are compressed with Draco (KHR_draco_mesh_compression), where DracoPy is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sedtalker_cli.errors import InputError

EXTENSION = "KHR_draco_mesh_compression"


def decode_draco(path: Path, data: bytes, attributes: dict[str, int]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Triangles and attributes of one piece.

    Args:
        path: of the glTF file, for errors.
        data: the compressed piece.
        attributes: Draco's number of each attribute, by glTF's name (`POSITION` ...).

    Returns:
        Indices (3F, 1) int64, and arrays (V, k) by name, in the order of the vertices in the file: morph targets, which
        are not compressed, refer to it.

    Raises:
        InputError: DracoPy is not installed, or the data are damaged.
    """
    try:
        import DracoPy
    except ImportError:
        raise InputError(
            f"{path}: is compressed with Draco ({EXTENSION}): "
            'pip install "sedtalker[draco]" to read it, or export it uncompressed'
        ) from None
    try:
        mesh = DracoPy.decode(data)
        stored = {name: mesh.get_attribute_by_unique_id(number)["data"] for name, number in attributes.items()}
        arrays = {name: np.asarray(values) for name, values in stored.items()}
        return np.asarray(mesh.faces, np.int64).reshape(-1, 1), arrays
    except Exception as error:  # DracoPy's errors have nothing in common
        raise InputError(f"{path}: its Draco compression is damaged ({error}); export the head again") from error
