"""Which data sets can be read, and how the command line names them."""

import math
from dataclasses import dataclass
from pathlib import Path

from sedtalker_cli.data.talking_heads.base import Layout, TalkingDataset
from sedtalker_cli.data.talking_heads.layouts import BIWI, EMOVOCA, VOCASET
from sedtalker_cli.data.talking_heads.reading import read_layout
from sedtalker_cli.errors import UsageError

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (VOCASET, EMOVOCA, BIWI)}


@dataclass(frozen=True)
class DatasetSpec:
    """A data set as the command line names it: `NAME=PATH`, or `NAME@FPS=PATH`.

    Attributes:
        name: of a layout.
        path: its folder.
        stored_fps: frames a second in its files, None for the published rate.
    """

    name: str
    path: Path
    stored_fps: float | None = None

    def read(self) -> TalkingDataset:
        """See `read_talking`."""
        return read_talking(self.name, self.path, self.stored_fps)


def read_talking(name: str, folder: Path, stored_fps: float | None = None) -> TalkingDataset:
    """Read a talking-head data set; vertices and sound stay on disk.

    Args:
        name: of its layout: vocaset, emovoca or biwi.
        folder: with the published folders in it.
        stored_fps: frames a second in the files, None for the published rate.

    Raises:
        UsageError: no layout of that name.
        InputError: the folder does not hold such a data set, or a file in it cannot be what its name says.
    """
    if name not in LAYOUTS:
        raise UsageError(f"data set {name!r} is unknown; known: {', '.join(LAYOUTS)}")
    return read_layout(LAYOUTS[name], Path(folder), stored_fps)


def parse_dataset(spec: str) -> DatasetSpec:
    """Read a command line's `NAME=PATH` or `NAME@FPS=PATH`.

    Raises:
        UsageError: there is no `=`, no path, no data set of that name, or no frame rate after `@`.
    """
    head, equals, path = spec.partition("=")
    name, at, rate = head.partition("@")
    if not equals or not path or name not in LAYOUTS:
        raise UsageError(f"data set {spec!r} should be NAME=PATH with NAME one of {', '.join(LAYOUTS)}")
    try:
        fps = float(rate) if at else None
    except ValueError:
        fps = math.nan
    if fps is not None and not 1 <= fps <= 1000:
        raise UsageError(f"data set {spec!r}: {rate!r} is no frame rate; give the one of the files, e.g. {name}@30")
    return DatasetSpec(name, Path(path).expanduser(), fps)
