"""Training of the diarizer."""

import math
from collections.abc import Iterable, Mapping, Sequence
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
from sedtalker_cli.training.loop import Job, Log, LoopSettings, Step, run, usual_warmup
from sedtalker_cli.training.precision import no_scaler
from sedtalker_cli.training.state import load_state, run_settings, shown_settings

LOSSES = ("loss", "loss_intensity", "loss_rank")


def train_diarizer(settings: DiarizerTraining, log: Log = print, progress: Progress = silent) -> dict[str, float]:
    """Train, keep the best epoch by validation macro F1, calibrate, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: called with one line at a time.
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
    kept = run_settings(settings, encoder)
    state = load_state(out / "state.pt", kept)
    job = DiarizerJob(settings, encoder, kept, log, progress)
    steps = math.ceil(settings.composites / settings.batch)
    loop = LoopSettings(settings.epochs, steps, usual_warmup(settings.epochs * steps))
    run(job, loop, out, log, progress, state)
    if not settings.epochs:
        job.write(job.network)
    return job.calibrate()


class DiarizerJob(Job):
    """The diarizer's network on composites of the corpora.

    Args:
        settings: of the run.
        encoder: hears the composites.
        kept: settings that must not change when the run goes on.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Raises:
        InputError: nothing to train or validate on, or `settings.start` does not fit.
    """

    losses = LOSSES
    higher_is_better = True

    def __init__(
        self, settings: DiarizerTraining, encoder: SpeechEncoder, kept: dict[str, Any], log: Log, progress: Progress
    ):
        self.settings, self.encoder, self.kept, self.log, self.progress = settings, encoder, kept, log, progress
        samplers = read_samplers(settings, log)
        self.sampler = samplers["train"]
        self.val = LabelledSet([samplers["val"].draw(0, i) for i in range(max(48, settings.composites // 8))])
        self.val_features = [encode_batch(encoder, [c], settings)[0] for c in self.val.composites]
        torch.manual_seed(settings.seed)
        self.network = self._build()
        if self.network.tuned is not None:
            self.network.tuned.load_state_dict(encoder.layers_above(len(self.network.tuned.layers)))
        if settings.start is not None:
            start_from(self.network, settings.start)
        groups = parameter_groups(self.network, settings)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
        self.scaler = no_scaler()
        self.weights = torch.tensor([1.0, settings.intensity_weight, settings.rank_weight])
        self.drawn: dict[int, list[dict[str, Any]]] = {}
        size = sum(p.numel() for p in self.network.parameters())
        log(f"{size / 1e6:.2f} M parameters, {len(self.val)} validation recordings")

    def _build(self) -> DiarizerNetwork:
        encoder = self.encoder
        return DiarizerNetwork(len(EMOTIONS), encoder.num_taps, encoder.dim, **self.settings.network)

    def seed(self, epoch: int) -> int:
        return self.settings.seed * 1000 + epoch

    def batches(self, epoch: int) -> Iterable[dict[str, Any]]:
        """Composites drawn for the epoch, or those of an earlier one in another order."""
        settings = self.settings
        if not settings.draws:
            return encoded_batches(self.encoder, self.sampler, settings, epoch, self.progress)
        number = epoch % settings.draws
        if number not in self.drawn:
            self.drawn[number] = list(encoded_batches(self.encoder, self.sampler, settings, number, self.progress))
        batches = self.drawn[number]
        return [batches[i] for i in np.random.default_rng([settings.seed, epoch]).permutation(len(batches))]

    def loss(self, batch: dict[str, Any]) -> Step:
        """Classification, intensity, and order of intensities."""
        network, settings = self.network, self.settings
        features, mask = padded(batch["features"])
        halved = settings.precision == "bfloat16" and network.tuned is not None
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            features = network.tune(mask_spans(features, settings.masking), mask).float()
        logits, intensity = network.answer(features, mask)
        parts = torch.stack(
            [
                masked_classification(logits, batch["accepted"], batch["known"], settings.smoothing),
                masked_intensity(intensity, batch["intensity"]),
                ranked_intensity(intensity, batch["intensity"], batch["emotion"]),
            ]
        )
        return Step(parts @ self.weights, parts, list(network.parameters()))

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> DiarizerNetwork:
        network = self._build().eval()
        network.load_state_dict(weights)
        return network

    def validate(self, candidate: DiarizerNetwork) -> dict[str, float]:
        return score_frames(self.val, *predict_all(candidate, self.val_features))

    def score(self, scores: Mapping[str, float]) -> float:
        return scores["macro_f1"]

    def write(self, candidate: DiarizerNetwork) -> None:
        write(candidate, self.encoder, self.settings)

    def calibrate(self) -> dict[str, float]:
        """Fit statistics, temperature and decoding of the checkpoint and write it again.

        Returns:
            its validation scores; `macro_f1_adapted` with every speaker judged by their own recordings.
        """
        settings, val, features = self.settings, self.val, self.val_features
        network = self.candidate(load_weights(settings.out / "checkpoint"))
        self.log("fitting the statistics")
        drawn = (self.batches(number) for number in range(max(1, settings.draws)))
        fit_statistics(network, drawn, val, features, settings.seed, log=self.log, progress=self.progress)
        logits, intensity = predict_all(network, features)
        temperature = fit_temperature(logits, val)
        write(network, self.encoder, settings, temperature, fit_decoding(logits / temperature, val))
        scores = score_frames(val, logits, intensity)
        adapted = predict_all(network, features, val.speakers)
        scores["macro_f1_adapted"] = score_frames(val, *adapted)["macro_f1"]
        self.log("checkpoint: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
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


def read_samplers(settings: DiarizerTraining, log: Log) -> dict[str, CompositeSampler]:
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
        speakers: (recordings,) numbers; every speaker is judged by their own centre, as with `diarize --adapt`.
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
