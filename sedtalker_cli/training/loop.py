"""The training loop of the diarizer and both animators, which goes on where an earlier run stopped."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.training.parallel import ALONE, Team
from sedtalker_cli.training.state import append_row, save_state

Log = Callable[[str], None]


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast a job learns.

    Attributes:
        epochs: passes over the batches.
        steps: batches of an epoch.
        warmup: steps of rising learning rate, before half a cosine to 0.
        clip: largest norm of the gradient.
        average: decay of the moving average of the weights, which is what is validated and kept.
        patience: epochs without a better score after which the run ends, 0 for never.
    """

    epochs: int
    steps: int
    warmup: int
    clip: float = 1.0
    average: float = 0.999
    patience: int = 0


@dataclass(frozen=True)
class Step:
    """What a job makes of a batch.

    Attributes:
        loss: scalar to be minimised; None where this process has no share of the batch.
        parts: (K,) losses for the log, summed over `count`; None with `loss`.
        parameters: those that this batch trains.
        count: weight of the batch in the epoch's mean losses.
    """

    loss: torch.Tensor | None
    parts: torch.Tensor | None
    parameters: Sequence[nn.Parameter]
    count: int = 1


class Job(Protocol):
    """What is trained, on what, and how it is judged.

    Attributes:
        network: trained in place.
        optimizer: of its parameters, at the highest learning rate.
        scaler: of the loss, where the precision needs one; else disabled.
        kept: settings that must not change when the run goes on.
        losses: names of `Step.parts`, columns of the log.
        higher_is_better: whether a higher score is better.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    kept: dict[str, Any]
    losses: tuple[str, ...]
    higher_is_better: bool

    def seed(self, epoch: int) -> int:
        """Seed of PyTorch for an epoch (counted from 0)."""

    def batches(self, epoch: int) -> Iterable[Any]:
        """Batches of an epoch, the same whenever it is repeated."""

    def loss(self, batch: Any) -> Step:
        """Losses of the network on a batch."""

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> Any:
        """A model with these weights, to validate and to write."""

    def validate(self, candidate: Any) -> dict[str, float]:
        """Scores of a candidate, for the log.

        Raises:
            InputError: the training has diverged.
        """

    def score(self, scores: Mapping[str, float]) -> float:
        """The one number that chooses the epoch."""

    def write(self, candidate: Any) -> None:
        """Write the checkpoint."""

    def begin(self, epoch: int) -> None:
        """Called before the first epoch (counted from 0) of those that are left, if any are."""

    def finished(self, epoch: int, row: Mapping[str, float], candidate: Any) -> None:
        """Called after each epoch (counted from 1) with its row of the log, in the leading process."""


def run(
    job: Job,
    settings: LoopSettings,
    out: Path,
    log: Log,
    progress: Progress = silent,
    state: dict[str, Any] | None = None,
    workers: Team = ALONE,
) -> dict[str, float]:
    """Train all epochs that are left, and keep the best one's weights.

    Args:
        job: see there.
        settings: see there.
        out: folder of the run: `checkpoint` (best epoch), `state.pt` (last epoch), `log.csv`.
        log: called with one line at a time.
        progress: called as (stage, done, total) with batches.
        state: of an earlier run that is resumed, from `load_state`.
        workers: processes that share the work; each calls this with its own job.

    Returns:
        `score` of the best epoch and its number (`epoch`, counted from 1).
    """
    average = MovingAverage(job.network, settings.average)
    total = settings.epochs * settings.steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        job.optimizer, lambda step: cosine_with_warmup(step, total, settings.warmup)
    )
    first, best = 0, {"score": -math.inf if job.higher_is_better else math.inf, "epoch": 0}
    if state:
        first, best = _resume(job, state, average, schedule, workers.device)
        log(f"resumed after epoch {first}")

    def tired(epoch: int) -> bool:
        return bool(settings.patience) and epoch - best["epoch"] >= settings.patience

    if first < settings.epochs and not tired(first):
        job.begin(first)
    for epoch in range(first, settings.epochs):
        if tired(epoch):
            log(f"no better score for {settings.patience} epochs: stopped after epoch {epoch}")
            break
        begin = time.monotonic()
        losses = _train_epoch(job, settings, epoch, schedule, average, progress, workers)
        candidate = job.candidate(average.state)
        scores = job.validate(candidate)
        score = job.score(scores)
        row = dict(zip(job.losses, losses, strict=True)) | scores | {"learning_rate": schedule.get_last_lr()[0]}
        row = {name: float(f"{value:.5g}") for name, value in row.items()}
        improved = score > best["score"] if job.higher_is_better else score < best["score"]
        if improved:
            best = {"score": score, "epoch": epoch + 1}
        if workers.leads:
            if improved:
                job.write(candidate)
            seconds = round(time.monotonic() - begin, 1)
            append_row(out / "log.csv", {"epoch": epoch + 1, **row, "seconds": seconds})
            log(f"epoch {epoch + 1}: " + ", ".join(f"{name} {value:g}" for name, value in row.items()))
            job.finished(epoch + 1, row, candidate)
            save_state(out / "state.pt", _state(job, average, schedule, epoch + 1, best))
        workers.wait()
    return best


def _train_epoch(
    job: Job,
    settings: LoopSettings,
    epoch: int,
    schedule: Any,
    average: "MovingAverage",
    progress: Progress,
    workers: Team,
) -> list[float]:
    """Mean losses (K,) of an epoch."""
    batches = job.batches(epoch)
    torch.manual_seed(job.seed(epoch))
    sums, count = torch.zeros(len(job.losses), dtype=torch.float64), 0
    job.network.train()
    for done, batch in enumerate(batches, start=1):
        job.optimizer.zero_grad()
        step = job.loss(batch)
        if step.loss is not None:
            job.scaler.scale(step.loss).backward()
            sums += step.parts.detach().double().cpu()
        workers.add_gradients(step.parameters)
        job.scaler.unscale_(job.optimizer)
        torch.nn.utils.clip_grad_norm_(step.parameters, settings.clip)
        job.scaler.step(job.optimizer)
        job.scaler.update()
        schedule.step()
        average.update(job.network)
        count += step.count
        progress(f"epoch {epoch + 1}", done, settings.steps)
    return (workers.add(sums.to(workers.device)) / count).tolist()


def _state(job: Job, average: "MovingAverage", schedule: Any, epoch: int, best: dict[str, float]) -> dict[str, Any]:
    """Items of `state.pt`."""
    return {
        "settings": job.kept,
        "network": job.network.state_dict(),
        "average": average.state,
        "average_steps": average.steps,
        "optimizer": job.optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "scaler": job.scaler.state_dict(),
        "epoch": epoch,
        "best": best,
    }


def _resume(
    job: Job, state: dict[str, Any], average: "MovingAverage", schedule: Any, device: str
) -> tuple[int, dict[str, float]]:
    """Take over the items of `state.pt`; returns the finished epochs and the best score so far."""
    job.network.load_state_dict(state["network"])
    average.state = {name: tensor.to(device) for name, tensor in state["average"].items()}
    average.steps = state["average_steps"]
    job.optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    if state.get("scaler"):  # empty where that precision has no scaler
        job.scaler.load_state_dict(state["scaler"])
    epoch, best = state["epoch"], state["best"]
    # Older runs of the diarizer and of the animator of coefficients hold the score alone.
    return epoch, best if isinstance(best, dict) else {"score": best, "epoch": epoch}


def cosine_with_warmup(step: int, total: int, warmup: int) -> float:
    """Learning-rate factor: linear rise over `warmup` steps, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def usual_warmup(steps: int) -> int:
    """Steps of rising learning rate: a tenth of all steps, at most 200."""
    return min(200, steps // 10 + 1)


class MovingAverage:
    """Exponential moving average of a module's parameters (Polyak averaging).

    Args:
        module: followed module.
        decay: of the average; it is lower in the first steps.
    """

    def __init__(self, module: nn.Module, decay: float = 0.999):
        self.decay, self.steps = decay, 0
        self.state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Follow the module by one step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1 - decay)
            else:
                self.state[name].copy_(tensor)
