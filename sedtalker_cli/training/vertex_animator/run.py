"""Training of the vertex animator on talking-head data sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.data.talking_heads import TalkingDataset
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.model.backbones import BACKBONES
from sedtalker_cli.model.checkpoint import check_sizes, save_checkpoint, sizes_of
from sedtalker_cli.model.device import choose_device
from sedtalker_cli.model.encoder import SpeechEncoder
from sedtalker_cli.model.layers.kernels import choose_scan
from sedtalker_cli.model.losses import vertex_losses
from sedtalker_cli.model.vertex_animator import ANYONE, VertexAnimator, VertexNetwork
from sedtalker_cli.model.weights import VERTEX_ANIMATOR, weights_dir
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.loop import MovingAverage, append_row, cosine_with_warmup, load_state, save_state
from sedtalker_cli.training.vertex_animator.batches import FeatureStore, Talking, epoch_batches, evenly, prefetch
from sedtalker_cli.training.vertex_animator.monitor import Monitor
from sedtalker_cli.training.vertex_animator.parallel import Team, team
from sedtalker_cli.training.vertex_animator.scores import still_scores, validation_scores
from sedtalker_cli.training.vertex_animator.settings import VertexTraining

LOSSES = ("vertices", "velocity", "lips")
NEUTRAL = "neutral"
# Emotions of the diarizer that a data set may lack -> what it shows instead, the first that it has.
STAND_INS = {"surprise": ("pleased", "happy"), "angry": ("upset",), "disgust": ("ill",)}
Log = Callable[[str], None]


def train_vertices(settings: VertexTraining, log: Log = print, progress: Progress = silent) -> dict[str, float]:
    """Train, keep the epoch with the best validation score, write the checkpoint.

    Args:
        settings: of the run; the same settings after an interruption go on where it stopped.
        log: told one line at a time, in the leading process.
        progress: called as (stage, done, total), there too.

    Returns:
        best score (mean of vertex and lip errors over those of a still face; below 1 is better than it) and its epoch.

    Raises:
        InputError: a data set or a file of the run does not hold what it should.
        UsageError: settings that cannot be meant, or `out` holds a run with others.
    """
    datasets = [spec.read() for spec in settings.specs]
    if settings.emotions:
        unknown = set(settings.emotions).difference({NEUTRAL}, *(d.emotions for d in datasets))
        if unknown:
            has = ", ".join(sorted({name for d in datasets for name in d.emotions}))
            raise UsageError(f"emotions: no data set has {', '.join(sorted(unknown))}; there are {has}")
        datasets = [d.only({*settings.emotions, NEUTRAL}) for d in datasets]
    with team(choose_device(settings.device)) as workers:
        if not workers.leads:
            log, progress = (lambda text: None), silent
        return Run(settings, datasets, workers, log, progress).train()


class Run:
    """One training: what is learned, by what, from what. See `train_vertices`."""

    def __init__(
        self, settings: VertexTraining, datasets: Sequence[TalkingDataset], workers: Team, log: Log, progress: Progress
    ):
        self.settings, self.workers, self.log, self.progress = settings, workers, log, progress
        self.out = Path(settings.out)
        self.out.mkdir(parents=True, exist_ok=True)
        log(f"Mamba layers run by {choose_scan(settings.scan_backend, workers.device)} on {workers.device}")
        encoder = SpeechEncoder.load(settings.encoder or weights_dir("encoder"), workers.device)
        self.store = FeatureStore(Path(settings.cache) if settings.cache else self.out / "cache", encoder)
        self.config = describe(settings, datasets, encoder)
        self.sets = [Talking(d, self.store, self.config["classes"], self.config["subjects"]) for d in datasets]
        for talking in self.sets:
            log(talking.dataset.summary())
            for note in talking.dataset.notes:
                log(f"note: {note}")
            if not talking.lips_known:
                log(f"note: {talking.dataset.name} names no lips: its {len(talking.lips)} liveliest vertices stand in")
        self.lips = [torch.from_numpy(talking.lips).to(workers.device) for talking in self.sets]
        self.units = [talking.scale if settings.normalize else 1.0 for talking in self.sets]
        self.weights = torch.tensor(
            [settings.vertex_weight, settings.velocity_weight, settings.lips_weight], device=workers.device
        )
        self.kept = {k: v for k, v in settings.learned.items() if k != "network"}
        self.kept |= {f"network {name}": value for name, value in settings.network.items()}
        self.kept["encoder"] = encoder.sha256 or encoder.source
        self.kept["sequences"] = [len(d.sequences) for d in datasets]
        self.autocast, self.scaler = precision(settings.precision, workers.device)

    def train(self) -> dict[str, float]:
        """All epochs that are left."""
        settings, device = self.settings, self.workers.device
        state = load_state(self.out / "state.pt", self.kept)
        torch.manual_seed(settings.seed)
        self.network = self._build()
        self._set_scales()
        average = MovingAverage(self.network, settings.ema)
        # Errors in a data set's units make tiny gradients, so the usual 1e-8 would damp the steps.
        optimizer = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, eps=1e-12
        )
        steps = len(self._plans(0))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: cosine_with_warmup(step, settings.epochs * steps, settings.warmup)
        )
        first, best = 0, {"score": float("inf"), "epoch": 0}
        if state:
            self.network.load_state_dict(state["network"])
            average.state = {name: tensor.to(device) for name, tensor in state["average"].items()}
            average.steps = state["average_steps"]
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
            if state["scaler"]:  # empty where that precision has no scaler
                self.scaler.load_state_dict(state["scaler"])
            first, best = state["epoch"], state["best"]
            self.log(f"resumed after epoch {first}")
        own, heads = parameter_counts(self.network)
        self.log(f"{own / 1e6:.2f} M parameters and {heads} M of heads; {steps} steps an epoch")
        with Monitor(self.out, settings, self.sets, self.workers.leads, first) as monitor:
            still = None
            if first < settings.epochs and not self._tired(first, best):
                self._encode()
            for epoch in range(first, settings.epochs):
                if self._tired(epoch, best):
                    self.log(f"no better score for {settings.patience} epochs: stopped after epoch {epoch}")
                    break
                begin = time.monotonic()
                losses = self._epoch(epoch, optimizer, schedule, average)
                candidate = self._candidate(average)
                still = still or {t.dataset.name: still_scores(self._judged(t), t, self.workers) for t in self.sets}
                scores = self._validate(candidate, still)
                if not np.isfinite(scores["score"]):
                    raise InputError(f"{self.out}: epoch {epoch + 1} gave no numbers; try a lower learning_rate")
                row = dict(zip((f"loss_{name}" for name in LOSSES), losses, strict=True)) | scores
                row = {name: float(f"{value:.5g}") for name, value in row.items()}
                if scores["score"] < best["score"]:
                    best = {"score": scores["score"], "epoch": epoch + 1}
                    if self.workers.leads:
                        save_checkpoint(self.out / "checkpoint", average.state, self.config)
                if self.workers.leads:
                    row["learning_rate"] = float(f"{schedule.get_last_lr()[0]:.4g}")
                    seconds = round(time.monotonic() - begin, 1)
                    append_row(self.out / "log.csv", {"epoch": epoch + 1, **row, "seconds": seconds})
                    self.log(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:g}" for name, value in row.items()))
                    monitor.record(epoch + 1, row)
                    monitor.film(epoch + 1, candidate)
                    save_state(
                        self.out / "state.pt",
                        {
                            "settings": self.kept,
                            "network": self.network.state_dict(),
                            "average": average.state,
                            "average_steps": average.steps,
                            "optimizer": optimizer.state_dict(),
                            "schedule": schedule.state_dict(),
                            "scaler": self.scaler.state_dict(),
                            "epoch": epoch + 1,
                            "best": best,
                        },
                    )
                self.workers.wait()
        return best

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
            raise UsageError(f"[network] describes none: {reason}") from None
        return network

    def _tired(self, epoch: int, best: dict[str, float]) -> bool:
        return bool(self.settings.patience) and epoch - best["epoch"] >= self.settings.patience

    def _plans(self, epoch: int) -> list:
        """Batches of an epoch: the same in every process."""
        s = self.settings
        rng = np.random.default_rng([s.seed, epoch])
        return epoch_batches(self.sets, s.batch, rng, s.max_frames, s.anyone, s.epoch_sequences)

    def _set_scales(self) -> None:
        """Heads speak in the usual offset of the first data set of their topology."""
        for talking in reversed(self.sets):
            self.network.head(talking.dataset.topology).scale.fill_(talking.scale)

    def _encode(self) -> None:
        """Encode all sound, each process its share."""
        audios = sorted({s.audio for t in self.sets for s in t.dataset.sequences if s.split != "test"})
        mine = self.workers.share(audios)
        self.store.fill(mine, self.progress)
        self.workers.wait()

    def _epoch(self, epoch: int, optimizer: Any, schedule: Any, average: MovingAverage) -> list[float]:
        """Mean losses of an epoch."""
        device, workers, plans = self.workers.device, self.workers, self._plans(epoch)
        torch.manual_seed((self.settings.seed * 1000 + epoch) * 64 + workers.rank)
        sums, count = torch.zeros(len(LOSSES), dtype=torch.float64), 0
        self.network.train()
        shares = [(number, workers.share(stretches), len(stretches)) for number, stretches in plans]

        def make(plan: tuple) -> dict[str, torch.Tensor]:
            return self.sets[plan[0]].batch(plan[1]) if plan[1] else {}

        for step, ((number, _, whole), batch) in enumerate(prefetch(make, shares), start=1):
            topology = self.sets[number].dataset.topology
            optimizer.zero_grad()
            if batch:
                batch = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
                target, mask = batch.pop("vertices"), batch["mask"]
                with self.autocast():
                    found = self.network(**batch, topology=topology)
                parts = vertex_losses(found, target, mask, self.lips[number], self.units[number])
                # A share of the whole batch's mean: gradients are summed over processes.
                self.scaler.scale((parts @ self.weights).sum() / whole).backward()
                sums += parts.detach().sum(0).double().cpu()
            used = [*self.network.backbone.parameters(), *self.network.head(topology).parameters()]
            workers.add_gradients(used)
            self.scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(used, self.settings.clip)
            self.scaler.step(optimizer)
            self.scaler.update()
            schedule.step()
            average.update(self.network)
            count += whole
            self.progress(f"epoch {epoch + 1}", step, len(plans))
        return (workers.add(sums.to(device).float()) / count).tolist()

    def _candidate(self, average: MovingAverage) -> VertexAnimator:
        """The averaged weights as a model."""
        network = VertexAnimator.build(self.config)
        network.load_state_dict(average.state)
        return VertexAnimator(network, self.config, self.workers.device, "")

    def _judged(self, talking: Talking) -> list[int]:
        return evenly(talking.val, self.settings.val_sequences)

    def _validate(self, model: VertexAnimator, still: dict[str, dict[str, float]]) -> dict[str, float]:
        """Scores of every data set, and the mean of their ratios to those of a still face."""
        scores, ratios = {}, []
        for talking in self.sets:
            found = validation_scores(model, self._judged(talking), talking, self.workers, self.progress)
            scores |= {f"{talking.dataset.name}_{name}": value for name, value in found.items()}
            ratios += [found[name] / max(still[talking.dataset.name][name], 1e-30) for name in found]
        return {**scores, "score": float(np.mean(ratios))}


def describe(settings: VertexTraining, datasets: Sequence[TalkingDataset], encoder: SpeechEncoder) -> dict[str, Any]:
    """Configuration of the checkpoint: everything that is needed to use it."""
    classes = tuple(sorted({NEUTRAL, *(name for d in datasets for name in d.emotions)}))
    subjects = sorted({s.subject for d in datasets for s in d.of("train")})
    topologies = {
        d.topology: {
            "vertices": d.vertex_count,
            "fps": d.fps,
            "extent": float(np.mean([np.ptp(rest, axis=0).max() for rest in d.templates.values()])),
        }
        for d in reversed(datasets)
    }
    for d in datasets:
        known = topologies[d.topology]
        for what, own, other in (
            ("vertices", d.vertex_count, known["vertices"]),
            ("frames a second", d.fps, known["fps"]),
        ):
            if own != other:
                raise InputError(
                    f"{d.root}: {d.topology} has {own:g} {what} there, {other:g} elsewhere; keep them alike"
                )
    backbone = settings.network.get("backbone", "hybrid")
    if backbone not in BACKBONES:
        raise UsageError(f"network.backbone {backbone!r}: must be one of {', '.join(BACKBONES)}")
    known = sizes_of(BACKBONES[backbone])
    unknown = [name for name in settings.network if name not in ("backbone", *known)]
    if unknown:
        raise UsageError(f"network.{unknown[0]}: the {backbone} backbone has no such size, but {', '.join(known)}")
    sizes = {**known, "num_taps": encoder.num_taps, "dim": encoder.dim, **settings.network}
    return {
        "type": VERTEX_ANIMATOR,
        "classes": list(classes),
        "class_map": class_map(classes),
        "subjects": [ANYONE, *subjects],
        "topologies": topologies,
        "network": {"backbone": backbone, **sizes},
        "encoder": encoder_facts(settings.encoder, encoder),
        "training": settings.learned | {"network": sizes},
    }


def encoder_facts(name: str, encoder: SpeechEncoder) -> dict[str, str | None]:
    """What is told of an encoder: its Hugging Face id, or its folder's name without the way there."""
    shown = (Path(name).name if Path(name).is_dir() else name) if name else "bundled"
    return {"name": shown, "sha256": encoder.sha256}


def class_map(classes: Sequence[str]) -> dict[str, str]:
    """The diarizer's emotions that these classes lack -> a class that stands for them, neutral if there is none."""
    missing = [name for name in EMOTIONS if name not in classes]
    return {name: next((other for other in STAND_INS.get(name, ()) if other in classes), NEUTRAL) for name in missing}


def precision(name: str, device: str) -> tuple[Callable, Any]:
    """Autocast context and gradient scaler of a precision; `auto` is halved on CUDA only."""
    kind = device.split(":")[0]
    if name == "auto":
        name = "fp32" if kind == "cpu" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    scaler = torch.amp.GradScaler(kind, enabled=name == "fp16")
    scaler.scale(torch.zeros((), device=device))  # its scale exists, also where the first share of a batch is empty
    if name == "fp32":
        return nullcontext, scaler
    dtype = torch.bfloat16 if name == "bf16" else torch.float16
    return (lambda: torch.autocast(kind, dtype)), scaler


def parameter_counts(network: VertexNetwork) -> tuple[int, str]:
    """Parameters of the backbone, and of each head in millions as text."""
    heads = {name: sum(p.numel() for p in head.parameters()) for name, head in network.heads.items()}
    shown = ", ".join(f"{count / 1e6:.2f} ({name})" for name, count in heads.items())
    return sum(p.numel() for p in network.backbone.parameters()), shown
