"""Training of the diarizer."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import load_state as load_weights
from sedtalker_cli.model.checkpoint import save_checkpoint, sizes_of
from sedtalker_cli.model.diarizer import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from sedtalker_cli.timeline import EMOTIONS
from sedtalker_cli.training.calibrate import fit_decoding, fit_temperature
from sedtalker_cli.training.frames import FrameSet
from sedtalker_cli.training.loop import (
    MovingAverage,
    append_row,
    cosine_with_warmup,
    load_state,
    run_settings,
    save_state,
    shown_settings,
)
from sedtalker_cli.training.recordings import WaveformStore, read_corpora
from sedtalker_cli.training.score import score_frames


@dataclass(frozen=True)
class DiarizerTraining:
    """Settings of a run; every value can be given on the command line.

    Attributes:
        corpora: (name, folder) pairs.
        splits: table of splits, or None to draw them by speaker.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id.
        cache: where encoded draws are kept; None keeps them in `out/cache`.
        draws: different sets of composites; epoch e trains on draw e modulo draws.
        composites: per draw.
        epochs, batch, learning_rate, weight_decay, smoothing, intensity_weight, rank_weight, seed: as usual.
        temperature: corpora are drawn in proportion to size ** temperature.
        augmentation: strength of the sound's changes.
        tuned_rate: learning rate of the encoder layers that are trained along, as a share of the rest's.
        network: overrides of the network's sizes.
    """

    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    cache: Path | None = None
    draws: int = 4
    composites: int = 3000
    epochs: int = 16
    batch: int = 24
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    intensity_weight: float = 2.0
    rank_weight: float = 0.1
    temperature: float = 0.5
    augmentation: float = 1.0
    seed: int = 0
    tuned_rate: float = 0.1
    network: dict[str, Any] = field(default_factory=dict)


def train_diarizer(
    settings: DiarizerTraining,
    log: Callable[[str], None] = print,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, float]:
    """Train, keep the best epoch by validation macro F1, calibrate, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: told one line at a time.
        progress: called with (what, done, total).

    Returns:
        validation scores of the checkpoint.

    Raises:
        InputError: nothing to train or validate on, or a damaged state.
        UsageError: `out` holds a run with other settings.
    """
    out = settings.out
    out.mkdir(parents=True, exist_ok=True)
    encoder = SpeechEncoder.load(settings.encoder)
    kept_settings = run_settings(settings, encoder)
    state = load_state(out / "state.pt", kept_settings)
    sets = encoded_sets(settings, encoder, log, progress)
    val = sets["val"](0)
    torch.manual_seed(settings.seed)
    network = DiarizerNetwork(len(EMOTIONS), encoder.num_taps, encoder.dim, **settings.network)
    if network.tuned is not None:
        count = len(network.tuned.layers)
        network.tuned.layers.load_state_dict(encoder.network.encoder.layers[-count:].state_dict())
    average = MovingAverage(network)
    optimizer = torch.optim.AdamW(parameter_groups(network, settings), weight_decay=settings.weight_decay)
    steps_per_epoch = math.ceil(settings.composites / settings.batch)
    total = settings.epochs * steps_per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: cosine_with_warmup(step, total, min(200, total // 10 + 1))
    )
    first, best = 0, -1.0
    if state:
        network.load_state_dict(state["network"])
        average.state, average.steps = state["average"], state["average_steps"]
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first, best = state["epoch"], state["best"]
        log(f"resumed after epoch {first}")
    candidate = DiarizerNetwork(len(EMOTIONS), encoder.num_taps, encoder.dim, **settings.network).eval()
    log(f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters, {len(val)} validation recordings")
    for epoch in range(first, settings.epochs):
        begin, sums = time.monotonic(), np.zeros(3)
        train = sets["train"](epoch % settings.draws)
        torch.manual_seed(settings.seed * 1000 + epoch)
        rng = np.random.default_rng([settings.seed, epoch])
        network.train()
        for step, batch in enumerate(train.batches(settings.batch, rng), start=1):
            logits, intensity = network(batch["features"], batch["mask"])
            parts = torch.stack(
                [
                    masked_classification(logits, batch["emotion"], batch["known"], settings.smoothing),
                    masked_intensity(intensity, batch["intensity"]),
                    ranked_intensity(intensity, batch["intensity"], batch["emotion"]),
                ]
            )
            loss = parts @ torch.tensor([1.0, settings.intensity_weight, settings.rank_weight])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update(network)
            sums += parts.detach().numpy()
            progress(f"epoch {epoch + 1}", step, steps_per_epoch)
        candidate.load_state_dict(average.state)
        scores = score_frames(val, *predict_all(candidate, val))
        row = dict(zip(("loss", "loss_intensity", "loss_rank"), (sums / step).round(4).tolist(), strict=True))
        row |= {name: round(value, 4) for name, value in scores.items()}
        append_row(out / "log.csv", {"epoch": epoch + 1, **row, "seconds": round(time.monotonic() - begin, 1)})
        log(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value}" for name, value in row.items()))
        if scores["macro_f1"] > best:
            best = scores["macro_f1"]
            write(candidate, encoder, settings)
        save_state(
            out / "state.pt",
            {
                "settings": kept_settings,
                "network": network.state_dict(),
                "average": average.state,
                "average_steps": average.steps,
                "optimizer": optimizer.state_dict(),
                "schedule": schedule.state_dict(),
                "epoch": epoch + 1,
                "best": best,
            },
        )
    log("calibrating")
    candidate.load_state_dict(load_weights(out / "checkpoint"))
    logits, _ = predict_all(candidate, val)
    temperature = fit_temperature(logits, val)
    write(candidate, encoder, settings, temperature, fit_decoding(logits / temperature, val))
    return {"macro_f1": best}


def parameter_groups(network: DiarizerNetwork, settings: DiarizerTraining) -> list[dict[str, Any]]:
    """New layers at the full learning rate, encoder layers at a share of it."""
    tuned = [p for name, p in network.named_parameters() if name.startswith("tuned.")]
    fresh = [p for name, p in network.named_parameters() if not name.startswith("tuned.")]
    groups = [{"params": fresh, "lr": settings.learning_rate}]
    return groups + ([{"params": tuned, "lr": settings.learning_rate * settings.tuned_rate}] if tuned else [])


def encoded_sets(
    settings: DiarizerTraining, encoder: SpeechEncoder, log: Callable[[str], None], progress
) -> dict[str, Callable[[int], FrameSet]]:
    """Draw number -> encoded composites, for `train` and `val`; encoded when first asked for."""
    utterances = read_corpora(settings.corpora, settings.splits, settings.seed, log)
    store = WaveformStore()
    cache = settings.cache or settings.out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    samplers: dict[str, CompositeSampler] = {}

    def sampler(split: str) -> CompositeSampler:
        if split not in samplers:
            chosen = store.usable([u for u in utterances if u.split == split], log)
            if not chosen:
                raise InputError(f"no usable recordings in the {split} split; give more corpora or another --splits")
            strength = settings.augmentation if split == "train" else 0.0
            samplers[split] = CompositeSampler(
                chosen, store, settings.seed, temperature=settings.temperature, augmentation=strength
            )
        return samplers[split]

    def draw(split: str, count: int) -> Callable[[int], FrameSet]:
        return lambda number: FrameSet.build(
            cache / f"{split}-{number}",
            lambda i: sampler(split).draw(number, i),
            count,
            encoder,
            lambda done, total: progress(f"encoding {split} draw {number}", done, total),
        )

    return {"train": draw("train", settings.composites), "val": draw("val", max(50, settings.composites // 8))}


@torch.inference_mode()
def predict_all(network: DiarizerNetwork, frames: FrameSet) -> tuple[np.ndarray, np.ndarray]:
    """Logits (frames, C) and intensity (frames,) of all recordings, one after the other."""
    logits, intensity = [], []
    for i in range(len(frames)):
        features, _ = frames.item(i)
        out = network(features.float().unsqueeze(0))
        logits.append(out[0][0].numpy())
        intensity.append(out[1][0].sigmoid().numpy())
    return np.concatenate(logits), np.concatenate(intensity)


def write(
    network: DiarizerNetwork,
    encoder: SpeechEncoder,
    settings: DiarizerTraining,
    temperature: float = 1.0,
    decoding: dict[str, float] | None = None,
) -> None:
    """Write the checkpoint; temperature and decoding are fitted when training is over."""
    config = {
        "type": "diarizer",
        "classes": list(EMOTIONS),
        "network": sizes_of(DiarizerNetwork, num_taps=encoder.num_taps, dim=encoder.dim, **settings.network),
        "encoder_sha256": encoder.sha256,
        "temperature": temperature,
        "decoding": decoding or {},
        "training": shown_settings(settings),
    }
    state = {name: t.half() if name.startswith("tuned.") else t for name, t in network.state_dict().items()}
    save_checkpoint(settings.out / "checkpoint", state, config)
