"""Training of the diarizer."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.composites import Composite, CompositeSampler
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import load_config, save_checkpoint, sizes_of
from sedtalker_cli.model.checkpoint import load_state as load_weights
from sedtalker_cli.model.diarizer import DiarizerNetwork
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from sedtalker_cli.timeline import EMOTIONS
from sedtalker_cli.training.calibrate import fit_decoding, fit_temperature
from sedtalker_cli.training.labels import LabelledSet, collate
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
from sedtalker_cli.training.statistics import fit_statistics, speaker_centres


@dataclass(frozen=True)
class DiarizerTraining:
    """Settings of a run; every value can be given on the command line.

    Attributes:
        corpora: (name, folder) pairs.
        splits: table of splits, or None to draw them by speaker.
        out: folder of the run; the checkpoint is written to `out/checkpoint`.
        encoder: folder or Hugging Face id.
        composites: in a draw.
        draws: different sets of composites; epochs take them in turn, their features stay in memory (0.6 MB a
            composite). 0 draws afresh for every epoch.
        epochs, batch, learning_rate, weight_decay, smoothing, intensity_weight, rank_weight, seed: as usual.
        temperature: corpora are drawn in proportion to size ** temperature.
        augmentation: strength of the sound's changes.
        masking: share of the encoder's frames and channels that is hidden.
        tuned_rate: learning rate of the encoder layers that are trained along, as a share of the rest's.
        start: checkpoint to start from instead of random weights.
        precision: `float32`, or `bfloat16` for the encoder's layers (fast where the CPU multiplies it).
        network: overrides of the network's sizes.
    """

    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str
    composites: int = 2000
    draws: int = 4
    epochs: int = 20
    batch: int = 24
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    intensity_weight: float = 2.0
    rank_weight: float = 0.1
    temperature: float = 0.5
    augmentation: float = 1.0
    masking: float = 0.0
    seed: int = 0
    tuned_rate: float = 0.1
    start: Path | None = None
    precision: str = "float32"
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
    utterances = read_corpora(settings.corpora, settings.splits, settings.seed, log)
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


def encoded_batches(
    encoder: SpeechEncoder,
    sampler: CompositeSampler,
    settings: DiarizerTraining,
    number: int,
    progress: Callable[[str, int, int], None],
) -> Iterator[dict[str, Any]]:
    """Batches of a draw, of similar lengths; sound is drawn ahead by another thread.

    Yields:
        as `collate`, with `features`, one (T, L, D) float16 a recording.
    """
    size = 8 * settings.batch

    def pool(start: int) -> list[list[Composite]]:
        drawn = [sampler.draw(number, i) for i in range(start, min(start + size, settings.composites))]
        drawn.sort(key=lambda c: c.duration)
        batches = [drawn[i : i + settings.batch] for i in range(0, len(drawn), settings.batch)]
        shuffled = np.random.default_rng([settings.seed, number, start, 2]).permutation(len(batches))
        return [batches[i] for i in shuffled]

    with ThreadPoolExecutor(1) as ahead:
        coming, done = ahead.submit(pool, 0), 0
        for start in range(0, settings.composites, size):
            batches = coming.result()
            coming = ahead.submit(pool, start + size)
            for composites in batches:
                done += len(composites)
                progress(f"encoding draw {number}", done, settings.composites)
                yield collate(composites) | {"features": encode_batch(encoder, composites, settings)}


def encode_batch(
    encoder: SpeechEncoder, composites: Sequence[Composite], settings: DiarizerTraining
) -> list[torch.Tensor]:
    """Features (T, L, D) float16 of each recording; six of similar length at once, to pad little."""
    order = sorted(range(len(composites)), key=lambda i: len(composites[i].waveform))
    features: dict[int, torch.Tensor] = {}
    for start in range(0, len(order), 6):
        chosen = order[start : start + 6]
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
            found, mask = encoder.batch([composites[i].waveform for i in chosen])
        features |= {i: row[seen].half() for i, row, seen in zip(chosen, found, mask, strict=True)}
    return [features[i] for i in range(len(composites))]


def padded(features: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Recordings (T, L, D) as one batch (B, T, L, D) float32, and its mask (B, T) bool."""
    lengths = torch.tensor([len(row) for row in features])
    batch = torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True).float()
    return batch, torch.arange(batch.shape[1]) < lengths[:, None]


def mask_spans(features: torch.Tensor, share: float) -> torch.Tensor:
    """Hide spans of 0.2 s and bands of 1/8 of the channels, each a share of the whole (cf. wav2vec 2.0, SpecAugment).

    Args:
        features: (B, T, L, D).
        share: expected part that is hidden, of frames and of channels.
    """
    if not share:
        return features
    batch, frames, _, channels = features.shape
    spans, band = -(-frames // 10), max(1, channels // 8)
    kept_frames = (torch.rand(batch, spans) >= share).repeat_interleave(10, 1)[:, :frames]
    kept_channels = (torch.rand(batch, -(-channels // band)) >= share).repeat_interleave(band, 1)[:, :channels]
    return features * kept_frames[:, :, None, None] * kept_channels[:, None, None]


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
