"""Recordings, captures and an encoder, all tiny, for the tests of training."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.layers.whisper import WhisperLayers
from tests.data.grid import write_grid
from tests.training.recordings import RATE, buzz


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """A tiny encoder, three actors of RAVDESS with a table of splits, and tracked clips of GRID."""
    root = tmp_path_factory.mktemp("data")
    torch.manual_seed(0)
    whisper = {"d_model": 16, "encoder_attention_heads": 1, "encoder_ffn_dim": 64, "max_source_positions": 1500}
    config = {"type": "encoder", "num_layers": 2, "taps": [1, 2], "whisper": whisper | {"num_mel_bins": 80}}
    layers = WhisperLayers(2, (1, 2), **config["whisper"])
    save_checkpoint(root / "encoder", layers.state_dict(), {**config, "window": {"length": 4.0, "overlap": 0.5}})
    rows = ["path,split"]
    for actor, split in ((1, "train"), (2, "train"), (3, "val")):
        for emotion in (1, 3, 4, 5):
            for strength in (1, 2) if emotion > 1 else (1,):
                name = f"Actor_{actor:02}/03-01-{emotion:02}-{strength:02}-01-01-{actor:02}"
                path = root / "ravdess" / f"{name}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                sf.write(path, buzz(80 * actor + 40 * emotion, 0.4 + 0.1 * strength, emotion), RATE)
                rows.append(f"ravdess/{name},{split}")
    (root / "splits.csv").write_text("\n".join(rows) + "\n")
    for number in range(6):
        frames = 30
        opening = np.clip(0.3 - 0.3 * np.cos(2 * np.pi * 4 * np.arange(frames) / 25), 0.02, 1)
        split, words = "train" if number < 4 else "val", "sil@0.000-0.300 bin@0.500-0.800 blue@0.800-1.200"
        write_grid(root / "grid", f"clip{number}", split, frames, words, jawOpen=opening, gap=0.15 * opening)
        sf.write(root / "grid" / f"clip{number}.ogg", buzz(100 + 20 * number, 1.2, number), RATE)
    return root
