"""The file underneath a glTF 2.0 scene: its JSON part, buffers and accessors."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from sedtalker_cli.disguises import HEAD, true_kind
from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.text import parse_json

KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
PACKED = ("EXT_meshopt_compression", "KHR_meshopt_compression")
MOST = 5_000_000  # elements of an accessor


class GltfFile:
    """An open `.glb` or `.gltf` file.

    Damage shows as the plain error of Python or NumPy (`KeyError`, `ValueError`...), which the reader of the scene
    turns into one line.

    Attributes:
        path: of the file.
        content: the JSON part.
        chunk: the binary part, None where there is none.
        decoded: elements (N, k) of accessors that lie compressed elsewhere, by index.

    Raises:
        InputError: there is no such file, it is not glTF 2.0, or it is compressed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content, self.chunk = _open(path)
        self.decoded: dict[int, np.ndarray] = {}
        self._buffers: dict[int, bytes] = {0: self.chunk} if self.chunk is not None else {}

    def entry(self, kind: str, index: int) -> dict[str, Any]:
        """An entry of one of the file's lists; Python would take an index below zero from the end."""
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise ValueError(f"{index!r} is no index of {kind}")
        return self.content[kind][index]

    def accessor(self, index: int) -> np.ndarray:
        """An accessor's elements (N, k), integers of normalized ones as floats."""
        entry = self.entry("accessors", index)
        kind, width, count = np.dtype(KINDS[entry["componentType"]]), WIDTHS[entry["type"]], entry["count"]
        if not 0 <= count <= MOST:
            raise ValueError(f"accessor {index} has {count} elements")
        if index in self.decoded:
            array = self.decoded[index]
        elif "bufferView" in entry:
            array = self._strided(entry["bufferView"], entry.get("byteOffset", 0), kind, count, width)
        else:
            array = np.zeros((count, width), kind)
        if "sparse" in entry:
            sparse = entry["sparse"]
            place, values = sparse["indices"], sparse["values"]
            index_kind, offset = np.dtype(KINDS[place["componentType"]]), place.get("byteOffset", 0)
            rows = self._strided(place["bufferView"], offset, index_kind, sparse["count"], 1)[:, 0]
            array = array.copy()
            if len(rows) and rows.min() < 0:
                raise ValueError(f"accessor {index} changes an element below zero")
            array[rows] = self._strided(values["bufferView"], values.get("byteOffset", 0), kind, sparse["count"], width)
        if entry.get("normalized") and kind.kind in "iu":
            array = np.maximum(array / np.iinfo(kind).max, -1.0).astype(np.float32)
        return array

    def _strided(self, view: int, offset: int, kind: np.dtype, count: int, width: int) -> np.ndarray:
        data, stride = self.view(view)
        strides = (stride or kind.itemsize * width, kind.itemsize)
        return np.ndarray((count, width), kind, data, offset, strides)

    def view(self, index: int) -> tuple[memoryview, int | None]:
        """Bytes of a buffer view, and its stride if it has one."""
        view = self.entry("bufferViews", index)
        for extension in set(view.get("extensions", {})) & set(PACKED):
            raise compressed(self.path, extension)
        number = view["buffer"]
        if number not in self._buffers:
            self._buffers[number] = self.uri(self.entry("buffers", number)["uri"])
        start, length, stride = view.get("byteOffset", 0), view["byteLength"], view.get("byteStride")
        if min(start, length, stride or 0) < 0:
            raise ValueError(f"buffer view {index} lies before its buffer")
        return memoryview(self._buffers[number])[start : start + length], stride

    def uri(self, uri: str) -> bytes:
        """Content of a data URI, or of a file beside the glTF file."""
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2])
        folder = self.path.parent
        file = folder / unquote(uri)
        try:
            # a head from elsewhere shall not look around here
            if not file.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"{self.path}: names {uri!r}, which is outside of its folder; put it beside the head")
            if file.exists() and not file.is_file():
                raise InputError(f"{self.path}: its part {file} is no file; export the head again")
            return file.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: its part {file} cannot be read ({error.strerror})") from error


def linked_content(path: Path) -> Iterator[bytes]:
    """Content of the files that a glTF file names beside it: buffers, then pictures, without those that are not there.

    Raises:
        InputError: the file itself cannot be read.
    """
    file = GltfFile(path)
    for kind in ("buffers", "images"):
        entries = file.content.get(kind)
        for entry in entries if isinstance(entries, list) else ():
            uri = entry.get("uri") if isinstance(entry, dict) else None
            if isinstance(uri, str) and not uri.startswith("data:"):
                with suppress(InputError, ValueError):  # reading the head says so, if it needs it
                    yield file.uri(uri)


def _open(path: Path) -> tuple[dict[str, Any], bytes | None]:
    """The JSON part and the binary chunk."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no file; name a .glb or .gltf file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if (kind := true_kind(data[:HEAD], "JSON")) is not None:
        raise InputError(f"{path}: {kind}")
    chunk = None
    if data[:4] == b"glTF":
        version, length = struct.unpack_from("<II", data, 4)
        if version != 2 or length > len(data):
            raise InputError(f"{path}: is cut off, or glTF {version}; only whole files of glTF 2.0 are read")
        size = struct.unpack_from("<I", data, 12)[0]
        text, rest = data[20 : 20 + size], 20 + size
        if rest + 8 <= length:
            size = struct.unpack_from("<I", data, rest)[0]
            chunk = data[rest + 8 : rest + 8 + size]
        data = text
    try:
        content = parse_json(data.decode("utf-8-sig"), path)
    except (UnicodeDecodeError, InputError) as error:
        raise InputError(f"{path}: is not glTF 2.0 (.glb or .gltf); export the head again") from error
    if not isinstance(content, dict) or not str(content.get("asset", {}).get("version", "")).startswith("2"):
        raise InputError(f"{path}: is not glTF 2.0; export the head again")
    packed = sorted(set(content.get("extensionsRequired", [])) & set(PACKED))
    if packed:
        raise compressed(path, packed[0])
    return content, chunk


def compressed(path: Path, extension: str) -> InputError:
    """The error for a file whose data are compressed with an extension."""
    return InputError(f"{path}: is compressed with meshopt ({extension}), which is not read; export it uncompressed")
