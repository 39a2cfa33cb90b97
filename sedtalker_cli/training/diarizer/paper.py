"""Training of the diarizer of SEDTalker's authors (`--preset paper`)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.data.composites import Composite, CompositeSampler
from sedtalker_cli.data.corpora import Utterance
from sedtalker_cli.data.recordings import WaveformStore, read_corpora
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError
from sedtalker_cli.model.checkpoint import load_state as load_weights
from sedtalker_cli.model.checkpoint import save_checkpoint
from sedtalker_cli.model.encoder import HOP_SAMPLES, MIN_SAMPLES
from sedtalker_cli.model.paper_diarizer import KIND, PaperNetwork, not_neutral, published_network
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.data_marks import mark_corpora
from sedtalker_cli.training.diarizer.calibrate import fit_decoding
from sedtalker_cli.training.diarizer.labels import UNLABELLED, LabelledSet
from sedtalker_cli.training.diarizer.score import score_frames
from sedtalker_cli.training.loop import Job, Log, LoopSettings, Step, run, usual_warmup
from sedtalker_cli.training.parallel import Team
from sedtalker_cli.training.precision import no_scaler
from sedtalker_cli.training.state import open_run, shown_settings

ENCODER = "microsoft/wavlm-base-plus"


@dataclass(frozen=True)
class PaperTraining:
    """Settings of a run.

    Attributes:
        corpora, splits, fold, leave_out, out: as in `DiarizerTraining`.
        encoder: folder or Hugging Face id of a WavLM.
        composites: recordings of an epoch, single and joined clips of one speaker.
        epochs, batch, learning_rate, weight_decay, seed: as usual.
    """

    corpora: tuple[tuple[str, Path], ...]
    splits: Path | None
    out: Path
    encoder: str = ENCODER
    composites: int = 4096
    epochs: int = 15
    batch: int = 16
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    seed: int = 0
    fold: int | None = None
    leave_out: str | None = None


def train_paper(
    settings: PaperTraining, device: str = "cpu", log: Log = print, progress: Progress = silent
) -> dict[str, float]:
    """Train, keep the best epoch by validation macro F1, fit the decoding, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        device: `cpu` or `cuda`.
        log: called with one line at a time.
        progress: called as (stage, done, total).

    Returns:
        validation scores of the checkpoint.

    Raises:
        InputError: nothing to train or validate on, no WavLM, or a damaged state.
        UsageError: `out` holds a run with other settings or data.
    """
    kept = shown_settings(settings) | {"preset": "paper", "encoder": settings.encoder} | mark_corpora(settings.corpora)
    state = open_run(settings.out, kept)
    job = PaperJob(settings, kept, device, log)
    steps = math.ceil(settings.composites / settings.batch)
    workers = Team(rank=0, size=1, device=device)
    run(
        job,
        LoopSettings(settings.epochs, steps, usual_warmup(settings.epochs * steps)),
        settings.out,
        log,
        progress,
        state,
        workers,
    )
    if not settings.epochs:
        job.write(job.network)
    return job.calibrate()


class PaperJob(Job):
    """WavLM and its head on composites of the corpora, the sound as it is.

    Args:
        settings: of the run.
        kept: settings that must not change when the run goes on.
        device: where it is trained.
        log: called with one line at a time.

    Raises:
        InputError: nothing to train or validate on, or no WavLM.
    """

    losses = ("loss",)
    higher_is_better = True

    def __init__(self, settings: PaperTraining, kept: dict[str, Any], device: str, log: Log):
        self.settings, self.kept, self.device, self.log = settings, kept, device, log
        torch.manual_seed(settings.seed)
        self.network, self.sizes = published_network(settings.encoder, len(EMOTIONS))
        self.network.to(device)
        self.network.encoder.freeze(len(self.network.encoder.model.encoder.layers) // 2)
        utterances = read_corpora(settings.corpora, settings.splits, settings.fold, settings.leave_out, log)
        store, samplers = WaveformStore(), {}
        for split in ("train", "val"):
            chosen = store.usable([u for u in utterances if u.split == split and u.label is not None], log)
            if not chosen:
                raise InputError(f"no usable recordings in the {split} split; give more corpora or another --splits")
            samplers[split] = CompositeSampler(chosen, store, settings.seed, augmentation=0)
            if split == "train":
                self.class_weights = class_weights(class_durations(chosen, store)).to(device)
        self.sampler = samplers["train"]
        self.val = LabelledSet([samplers["val"].draw(0, i) for i in range(max(48, settings.composites // 8))])
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, settings.learning_rate, weight_decay=settings.weight_decay)
        self.scaler = no_scaler()
        sizes = [sum(p.numel() for p in group) / 1e6 for group in (self.trained, self.network.parameters())]
        log(f"{sizes[0]:.2f} of {sizes[1]:.2f} M parameters are trained, {len(self.val)} validation recordings")

    def seed(self, epoch: int) -> int:
        return self.settings.seed * 1000 + epoch

    def batches(self, epoch: int) -> Iterator[LabelledSet]:
        """Composites drawn for the epoch."""
        settings = self.settings
        for start in range(0, settings.composites, settings.batch):
            stop = min(start + settings.batch, settings.composites)
            yield LabelledSet([self.sampler.draw(epoch, index) for index in range(start, stop)])

    def loss(self, batch: LabelledSet) -> Step:
        """Negative log-likelihood of the frames, classes weighted by how rare they are."""
        logits = torch.cat([self.network(self._waveform(c))[0] for c in batch.composites])
        target = torch.from_numpy(batch.emotion).to(self.device)
        loss = F.nll_loss(logits.log_softmax(-1), target, self.class_weights, ignore_index=UNLABELLED)
        return Step(loss, loss[None], self.trained)

    def _waveform(self, composite: Composite) -> torch.Tensor:
        """(1, N) with zeros up to the end of the last frame."""
        frames = -(-len(composite.waveform) // HOP_SAMPLES)
        samples = max(frames * HOP_SAMPLES, MIN_SAMPLES)
        waveform = np.pad(composite.waveform, (0, samples - len(composite.waveform)))
        return torch.from_numpy(waveform)[None].to(self.device)

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> PaperNetwork:
        network = PaperNetwork(len(EMOTIONS), **self.sizes).to(self.device).eval()
        network.load_state_dict(weights)
        return network

    def validate(self, candidate: PaperNetwork) -> dict[str, float]:
        logits, intensity = self._predict(candidate)
        return score_frames(self.val, logits, intensity)

    @torch.no_grad()
    def _predict(self, network: PaperNetwork) -> tuple[np.ndarray, np.ndarray]:
        """Logits (frames, C) and intensity (frames,) of the validation recordings."""
        logits = torch.cat([network(self._waveform(c))[0] for c in self.val.composites]).cpu()
        return logits.numpy(), not_neutral(logits.softmax(-1).numpy(), EMOTIONS)

    def score(self, scores: Mapping[str, float]) -> float:
        return scores["macro_f1"]

    def write(self, candidate: PaperNetwork, decoding: dict[str, float] | None = None) -> None:
        """Write the checkpoint; the decoding is fitted when training is over."""
        config = {
            "type": KIND,
            "classes": list(EMOTIONS),
            "network": self.sizes,
            "decoding": decoding or {},
            "training": shown_settings(self.settings),
        }
        save_checkpoint(self.settings.out / "checkpoint", candidate.state_dict(), config)

    def calibrate(self) -> dict[str, float]:
        """Fit the decoding of the checkpoint and write it again; returns its validation scores."""
        network = self.candidate(load_weights(self.settings.out / "checkpoint"))
        logits, intensity = self._predict(network)
        posteriors = torch.from_numpy(logits).softmax(-1).numpy()
        self.write(network, fit_decoding(posteriors, self.val))
        scores = score_frames(self.val, logits, intensity)
        self.log("checkpoint: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
        return scores


def class_weights(durations: Mapping[str, float]) -> torch.Tensor:
    """(C,) weights in inverse proportion to the time of each class, 1 on average of those present, else 0."""
    weights = torch.tensor([1 / durations[name] if durations.get(name) else 0.0 for name in EMOTIONS])
    return weights / weights[weights > 0].mean()


def class_durations(utterances: Iterable[Utterance], store: WaveformStore) -> dict[str, float]:
    """Seconds of every class, the neutral rest of recordings with marked spans among them."""
    found: dict[str, float] = defaultdict(float)
    for utterance in utterances:
        for start, end, part in utterance.parts(len(store(utterance)) / SAMPLE_RATE):
            found[part.label] += end - start
    return found
