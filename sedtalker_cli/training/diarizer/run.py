"""Training of the diarizer."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.composites import CompositeSampler
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import load_config, save_checkpoint, sizes_of
from sedtalker_cli.model.checkpoint import load_state as load_weights
from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.diarizer.batches import encode_batch, encoded_batches, mask_spans, padded
from sedtalker_cli.training.diarizer.calibrate import fit_decoding, fit_temperature
from sedtalker_cli.training.diarizer.labels import LabelledSet
from sedtalker_cli.training.diarizer.score import score_frames
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.diarizer.statistics import fit_statistics, speaker_centres
from sedtalker_cli.training.loop import (
    MovingAverage,
    append_row,
    cosine_with_warmup,
    load_state,
    run_settings,
    save_state,
    shown_settings,
)


def train_diarizer(
    settings: DiarizerTraining,
    log: Callable[[str], None] = print,
    progress: Progress = silent,
) -> dict[str, float]:
    """Train, keep the best epoch by validation macro F1, calibrate, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: told one line at a time.
        progress: called as (stage, done, total).

    Returns:
        validation scores of the checkpoint.

    Raises:
        InputError: nothing to train or validate on, or a damaged state.
        UsageError: `out` holds a run with other settings.
    """
    out = settings.out
    out.mkdir(parents=True, exist_ok=True)
    encoder = SpeechEncoder.load(settings.encoder)
    if settings.start is not None:
        load_config(settings.start, "diarizer")
    kept_settings = run_settings(settings, encoder)
    state = load_state(out / "state.pt", kept_settings)
    samplers = read_samplers(settings, log)
    val = LabelledSet([samplers["val"].draw(0, i) for i in range(max(48, settings.composites // 8))])
    val_features = [encode_batch(encoder, [composite], settings)[0] for composite in val.composites]
    torch.manual_seed(settings.seed)
    network = DiarizerNetwork(len(EMOTIONS), encoder.num_taps, encoder.dim, **settings.network)
    if network.tuned is not None:
        network.tuned.load_state_dict(encoder.layers_above(len(network.tuned.layers)))
    if settings.start is not None:
        start_from(network, settings.start)
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
    bfloat16 = settings.precision == "bfloat16"
    kept: dict[int, list[dict[str, Any]]] = {}

    def draw(epoch: int) -> Iterable[dict[str, Any]]:
        if not settings.draws:
            return encoded_batches(encoder, samplers["train"], settings, epoch, progress)
        number = epoch % settings.draws
        if number not in kept:
            kept[number] = list(encoded_batches(encoder, samplers["train"], settings, number, progress))
        order = np.random.default_rng([settings.seed, epoch]).permutation(len(kept[number]))
        return [kept[number][i] for i in order]

    for epoch in range(first, settings.epochs):
        begin, sums = time.monotonic(), np.zeros(3)
        torch.manual_seed(settings.seed * 1000 + epoch)
        network.train()
        for step, batch in enumerate(draw(epoch), start=1):
            features, mask = padded(batch["features"])
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16 and network.tuned is not None):
                features = network.tune(mask_spans(features, settings.masking), mask).float()
            logits, intensity = network.answer(features, mask)
            parts = torch.stack(
                [
                    masked_classification(logits, batch["accepted"], batch["known"], settings.smoothing),
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
        scores = score_frames(val, *predict_all(candidate, val_features))
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
    if not settings.epochs:
        write(network, encoder, settings)
    candidate.load_state_dict(load_weights(out / "checkpoint"))
    log("fitting the statistics")
    drawn = (draw(number) for number in range(max(1, settings.draws)))
    fit_statistics(candidate, drawn, val, val_features, settings.seed, log=log, progress=progress)
    logits, intensity = predict_all(candidate, val_features)
    temperature = fit_temperature(logits, val)
    write(candidate, encoder, settings, temperature, fit_decoding(logits / temperature, val))
    scores = score_frames(val, logits, intensity)
    adapted = predict_all(candidate, val_features, val.speakers)
    scores["macro_f1_adapted"] = score_frames(val, *adapted)["macro_f1"]
    log("checkpoint: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    return scores


FITTED = ("tuned.", "statistics.", "centre", "spread", "shares", "stretch_", "level_")


def start_from(network: DiarizerNetwork, folder: Path) -> None:
    """Take over a checkpoint's weights; what it has not (encoder layers, statistics) stays as it is.

    Raises:
        InputError: it is of another size.
    """
    own = network.state_dict()
    given = load_weights(folder)
    wrong = sorted(set(given) - set(own)) or sorted(n for n in set(own) - set(given) if not n.startswith(FITTED))
    wrong = wrong or [name for name in given if given[name].shape != own[name].shape]
    if wrong:
        raise InputError(f"{folder}: does not fit the network (first difference: {wrong[0]}); start from another one")
    network.load_state_dict(own | given)


def parameter_groups(network: DiarizerNetwork, settings: DiarizerTraining) -> list[dict[str, Any]]:
    """New layers at the full learning rate, encoder layers at a share of it."""
    tuned = [p for name, p in network.named_parameters() if name.startswith("tuned.")]
    fresh = [p for name, p in network.named_parameters() if not name.startswith("tuned.")]
    groups = [{"params": fresh, "lr": settings.learning_rate}]
    return groups + ([{"params": tuned, "lr": settings.learning_rate * settings.tuned_rate}] if tuned else [])


def read_samplers(settings: DiarizerTraining, log: Callable[[str], None]) -> dict[str, CompositeSampler]:
    """Composites of the splits `train` (changed in sound) and `val` (as recorded)."""
    utterances = read_corpora(settings.corpora, settings.splits, settings.fold, settings.leave_out, log)
    store, samplers = WaveformStore(), {}
    for split, strength in (("train", settings.augmentation), ("val", 0.0)):
        chosen = store.usable([u for u in utterances if u.split == split], log)
        if not chosen:
            raise InputError(f"no usable recordings in the {split} split; give more corpora or another --splits")
        samplers[split] = CompositeSampler(
            chosen,
            store,
            settings.seed,
            temperature=settings.temperature,
            augmentation=strength,
        )
    return samplers


@torch.no_grad()
def predict_all(
    network: DiarizerNetwork, features: Sequence[torch.Tensor], speakers: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (frames, C) and intensity (frames,) of all recordings (T, L, D), one after the other.

    Args:
        speakers: (recordings,) numbers; every speaker is judged by his own centre, as with `diarize --adapt`.
    """
    centres = [None] * len(features) if speakers is None else speaker_centres(network, features, speakers)
    logits, intensity = [], []
    for row, centre in zip(features, centres, strict=True):
        tuned = network.tune(row.float().unsqueeze(0))
        (first,), (level,) = network.answer(tuned, centre=centre)
        first, level = network.rescore(tuned[0], first, level, centre)
        logits.append(first.numpy())
        intensity.append(level.sigmoid().numpy())
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
