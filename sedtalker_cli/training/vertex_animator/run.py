"""Training of the vertex animator on talking-head data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from sedtalker_cli.data.talking_heads import TalkingDataset
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.checkpoint import check_sizes, fingerprint, save_checkpoint
from sedtalker_cli.model.device import choose_device
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.kernels import choose_scan
from sedtalker_cli.model.losses import vertex_losses
from sedtalker_cli.model.vertex_animator import VertexAnimator, VertexNetwork
from sedtalker_cli.model.weights import weights_dir
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.data_marks import mark_datasets
from sedtalker_cli.training.loop import Job, Log, LoopSettings, Step, run
from sedtalker_cli.training.parallel import Team, team
from sedtalker_cli.training.precision import precision
from sedtalker_cli.training.state import open_run
from sedtalker_cli.training.vertex_animator.batches import FeatureStore, Talking, epoch_batches, evenly, prefetch
from sedtalker_cli.training.vertex_animator.description import NEUTRAL, describe
from sedtalker_cli.training.vertex_animator.monitor import Monitor
from sedtalker_cli.training.vertex_animator.scores import still_scores, validation_scores
from sedtalker_cli.training.vertex_animator.settings import VertexTraining

LOSSES = ("vertices", "velocity", "lips")


def train_vertices(settings: VertexTraining, log: Log = print, progress: Progress = silent) -> dict[str, float]:
    """Train, keep the epoch with the best validation score, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: called with one line at a time, in the leading process.
        progress: called as (stage, done, total), there too.

    Returns:
        best score (mean of vertex and lip errors over those of a still face; below 1 is better than it) and its epoch.

    Raises:
        InputError: a data set or a file of the run does not hold what it should.
        UsageError: a setting is invalid, or `out` holds a run with others.
    """
    datasets = chosen_datasets(settings)
    with team(choose_device(settings.device)) as workers, ExitStack() as stack:
        if not workers.leads:
            log, progress = (lambda text: None), silent
        out = Path(settings.out)
        log(f"Mamba layers run by {choose_scan(settings.scan_backend, workers.device)} on {workers.device}")
        encoder = SpeechEncoder.load(settings.encoder or weights_dir("encoder"), workers.device)
        job = VertexJob(settings, datasets, encoder, workers, log, progress, stack)
        state = open_run(out, job.kept)
        workers.wait()  # or the fastest process would leave results before the others have looked
        loop = LoopSettings(settings.epochs, job.steps, settings.warmup, settings.clip, settings.ema, settings.patience)
        return run(job, loop, out, log, progress, state, workers)


def chosen_datasets(settings: VertexTraining) -> list[TalkingDataset]:
    """The data sets, with the chosen emotions only.

    Raises:
        InputError: a data set does not hold what it should.
        UsageError: no data set has one of the emotions.
    """
    datasets = [spec.read() for spec in settings.specs]
    if not settings.emotions:
        return datasets
    unknown = set(settings.emotions).difference({NEUTRAL}, *(d.emotions for d in datasets))
    if unknown:
        has = ", ".join(sorted({name for d in datasets for name in d.emotions}))
        raise UsageError(f"emotions: no data set has {', '.join(sorted(unknown))}; there are {has}")
    return [d.only({*settings.emotions, NEUTRAL}) for d in datasets]


class VertexJob(Job):
    """A backbone with one head a topology, on talking-head data sets.

    Args:
        settings: of the run.
        datasets: to learn from and to validate on.
        encoder: hears the recordings.
        workers: processes of the run; each works on its share of every batch.
        log: called with one line at a time.
        progress: called as (stage, done, total).
        stack: closes what is opened for the run.

    Attributes:
        steps: batches of an epoch.
    """

    losses = tuple(f"loss_{name}" for name in LOSSES)
    higher_is_better = False

    def __init__(
        self,
        settings: VertexTraining,
        datasets: Sequence[TalkingDataset],
        encoder: SpeechEncoder,
        workers: Team,
        log: Log,
        progress: Progress,
        stack: ExitStack,
    ):
        self.settings, self.workers, self.progress, self.stack = settings, workers, progress, stack
        self.out = Path(settings.out)
        self.store = FeatureStore(Path(settings.cache) if settings.cache else self.out / "cache", encoder)
        self.config = describe(settings, datasets, encoder)
        self.sets = [Talking(d, self.store, self.config["classes"], self.config["subjects"]) for d in datasets]
        for talking in self.sets:
            for line in facts_of(talking):
                log(line)
        self.lips = [torch.from_numpy(talking.lips).to(workers.device) for talking in self.sets]
        self.units = [talking.scale if settings.normalize else 1.0 for talking in self.sets]
        self.weights = torch.tensor(
            [settings.vertex_weight, settings.velocity_weight, settings.lips_weight], device=workers.device
        )
        self.kept = {k: v for k, v in settings.learned.items() if k != "network"}
        self.kept |= {f"network {name}": value for name, value in settings.network.items()}
        self.kept |= mark_datasets(datasets)
        self.kept["encoder"] = fingerprint(encoder)
        self.kept["sequences"] = [len(d.sequences) for d in datasets]
        self.autocast, self.scaler = precision(settings.precision, workers.device)
        torch.manual_seed(settings.seed)
        self.network = self._build()
        self._set_scales()
        # Errors in a data set's units make tiny gradients, so the usual 1e-8 would damp the steps.
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, eps=1e-12
        )
        self.steps = len(self._plans(0))
        self.still: dict[str, dict[str, float]] = {}
        own, heads = parameter_counts(self.network)
        log(f"{own / 1e6:.2f} M parameters and {heads} M of heads; {self.steps} steps an epoch")

    def _build(self) -> VertexNetwork:
        """The network, tried on two frames: some sizes only fail when they are used."""
        device, sizes = self.workers.device, self.config["network"]
        try:
            check_sizes(sizes)
            network = VertexAnimator.build(self.config).to(device)
            features = torch.zeros(1, 2, sizes["num_taps"], sizes["dim"], device=device)
            posteriors = torch.zeros(1, 2, len(self.config["classes"]), device=device)
            with torch.no_grad():
                network.eval().backbone(features, posteriors, posteriors[..., 0], posteriors[0, :1, 0].long())
        except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UsageError(f"[network] is invalid: {reason}") from None
        return network

    def _set_scales(self) -> None:
        """Heads speak in the usual offset of the first data set of their topology."""
        for talking in reversed(self.sets):
            self.network.head(talking.dataset.topology).scale.fill_(talking.scale)

    def _plans(self, epoch: int) -> list:
        """Batches of an epoch: the same in every process."""
        s = self.settings
        rng = np.random.default_rng([s.seed, epoch])
        return epoch_batches(self.sets, s.batch, rng, s.max_frames, s.anyone, s.epoch_sequences)

    def begin(self, epoch: int) -> None:
        """Open the monitor, and encode all sound, each process its share."""
        self.monitor = self.stack.enter_context(Monitor(self.out, self.settings, self.sets, self.workers.leads, epoch))
        audios = sorted({s.audio for t in self.sets for s in t.dataset.sequences if s.split != "test"})
        self.store.fill(self.workers.share(audios), self.progress)
        self.workers.wait()
        self.still = {t.dataset.name: still_scores(self._judged(t), t, self.workers) for t in self.sets}

    def seed(self, epoch: int) -> int:
        return (self.settings.seed * 1000 + epoch) * 64 + self.workers.rank

    def batches(self, epoch: int) -> Iterator[tuple[tuple, dict[str, torch.Tensor]]]:
        """((number of the data set, this process's share, size of the whole batch), tensors of the share)."""
        shares = [(number, self.workers.share(stretches), len(stretches)) for number, stretches in self._plans(epoch)]

        def make(plan: tuple) -> dict[str, torch.Tensor]:
            return self.sets[plan[0]].batch(plan[1]) if plan[1] else {}

        return prefetch(make, shares)

    def loss(self, batch: tuple[tuple, dict[str, torch.Tensor]]) -> Step:
        """A share of the whole batch's mean: gradients are summed over processes."""
        (number, _, whole), tensors = batch
        topology, device = self.sets[number].dataset.topology, self.workers.device
        used = [*self.network.backbone.parameters(), *self.network.head(topology).parameters()]
        if not tensors:
            return Step(None, None, used, whole)
        tensors = {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}
        target = tensors.pop("vertices")
        with self.autocast():
            found = self.network(**tensors, topology=topology)
        parts = vertex_losses(found, target, tensors["mask"], self.lips[number], self.units[number])
        return Step((parts @ self.weights).sum() / whole, parts.sum(0), used, whole)

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> VertexAnimator:
        network = VertexAnimator.build(self.config)
        network.load_state_dict(weights)
        return VertexAnimator(network, self.config, self.workers.device, "")

    def _judged(self, talking: Talking) -> list[int]:
        return evenly(talking.val, self.settings.val_sequences)

    def validate(self, candidate: VertexAnimator) -> dict[str, float]:
        """Scores of every data set, and the mean of their ratios to those of a still face."""
        scores, ratios = {}, []
        for talking in self.sets:
            found = validation_scores(candidate, self._judged(talking), talking, self.workers, self.progress)
            scores |= {f"{talking.dataset.name}_{name}": value for name, value in found.items()}
            ratios += [found[name] / max(self.still[talking.dataset.name][name], 1e-30) for name in found]
        score = float(np.mean(ratios))
        if not np.isfinite(score):
            raise InputError(f"{self.out}: the training has diverged, its scores are not finite; lower learning_rate")
        return {**scores, "score": score}

    def score(self, scores: Mapping[str, float]) -> float:
        return scores["score"]

    def write(self, candidate: VertexAnimator) -> None:
        save_checkpoint(self.out / "checkpoint", candidate.network.state_dict(), self.config)

    def finished(self, epoch: int, row: Mapping[str, float], candidate: VertexAnimator) -> None:
        self.monitor.record(epoch, row)
        self.monitor.film(epoch, candidate)


def facts_of(talking: Talking) -> list[str]:
    """Lines for the log: what a data set holds, and notes on it."""
    dataset = talking.dataset
    lines = [dataset.summary(), *(f"note: {note}" for note in dataset.notes)]
    if not talking.lips_known:
        lines.append(
            f"note: {dataset.name} has no lip region: its {len(talking.lips)} most mobile vertices are used instead"
        )
    return lines


def parameter_counts(network: VertexNetwork) -> tuple[int, str]:
    """Parameters of the backbone, and of each head in millions as text."""
    heads = {name: sum(p.numel() for p in head.parameters()) for name, head in network.heads.items()}
    shown = ", ".join(f"{count / 1e6:.2f} ({name})" for name, count in heads.items())
    return sum(p.numel() for p in network.backbone.parameters()), shown
