"""Tiny networks and settings for runs of the animator of vertices."""

import csv
import json
from pathlib import Path

import numpy as np

from sedtalker_cli.data.talking_heads import read_talking
from sedtalker_cli.training.vertex_animator.settings import (
    VertexTraining,
    merge_settings,
)

SIZES = {"d_model": 16, "layout": "ma", "window": 4, "num_heads": 2, "d_state": 2, "emotion_dim": 4, "subject_dim": 2}
SIZES |= {"dropout": 0.0}

CONFIG = "epochs = 2\nbatch = 2\nmax_frames = 12\nwarmup = 1\nlearning_rate = 5e-3\nema = 0.5\n\n[network]\n" + "".join(
    f"{name} = {json.dumps(value)}\n" for name, value in SIZES.items()
)


def silent(*_):
    pass


def settings_of(data, out, **changes) -> VertexTraining:
    values = {"datasets": [f"emovoca={data / 'emovoca'}"], "out": str(out), "encoder": str(data / "encoder")}
    values |= {"epochs": 2, "batch": 2, "max_frames": 12, "warmup": 1, "learning_rate": 5e-3, "ema": 0.5}
    values |= {"cache": str(data / "cache")}
    return merge_settings([("test", {**values, "network": SIZES, **changes})])


def rows_of(out) -> list[dict[str, str]]:
    with (Path(out) / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def ply(data):
    """A template file of the data set's first face."""
    import trimesh

    path, rest = data / "flame.ply", read_talking("emovoca", data / "emovoca").sequences[0].template
    if not path.is_file():
        faces = np.stack([np.arange(5021), np.arange(1, 5022), np.arange(2, 5023)], axis=1)
        trimesh.Trimesh(rest, faces, process=False).export(path)
    return path
