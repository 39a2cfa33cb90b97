"""Readers of the field's talking-head data sets in their published layouts: `read_talking("emovoca", folder)`."""

from .base import Layout, TalkingDataset, TalkingSequence
from .regions import read_regions
from .registry import DatasetSpec, layout_names, parse_dataset, read_talking

__all__ = [
    "DatasetSpec",
    "Layout",
    "TalkingDataset",
    "TalkingSequence",
    "layout_names",
    "parse_dataset",
    "read_regions",
    "read_talking",
]
