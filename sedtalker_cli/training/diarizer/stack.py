"""Training of the diarizer's stack on joined recordings."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sedtalker_cli.model.diarizer_network import DiarizerNetwork
from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from sedtalker_cli.training.diarizer.joined import PADDING, JoinedSet
from sedtalker_cli.training.diarizer.score import score_frames
from sedtalker_cli.training.diarizer.settings import DiarizerTraining
from sedtalker_cli.training.loop import Job, Step
from sedtalker_cli.training.precision import no_scaler

LOSSES = ("loss", "loss_intensity", "loss_rank")


class StackJob(Job):
    """The stack on joined recordings; what else the network has was fitted before and stays.

    Args:
        network: its stack is trained in place.
        joined: to learn from.
        val: to choose the epoch by; None keeps the last one.
        settings: of the run.
        kept: settings that must not change when the run goes on.
        out: folder of the run.
    """

    losses = LOSSES
    higher_is_better = True

    def __init__(
        self,
        network: DiarizerNetwork,
        joined: JoinedSet,
        val: JoinedSet | None,
        settings: DiarizerTraining,
        kept: dict[str, Any],
        out: Path,
    ):
        self.network, self.joined, self.val, self.settings, self.kept = network, joined, val, settings, kept
        self.out = out
        self.parameters = [
            p.requires_grad_()
            for name, p in network.named_parameters()
            if not name.startswith(("statistics", "speech"))
        ]
        self.optimizer = torch.optim.AdamW(self.parameters, settings.learning_rate, weight_decay=settings.weight_decay)
        self.scaler = no_scaler()
        self.weights = torch.tensor([1.0, settings.intensity_weight, settings.rank_weight])
        self.epoch = 0

    def seed(self, epoch: int) -> int:
        self.epoch = epoch
        return self.settings.seed * 1000 + epoch

    def batches(self, epoch: int) -> Iterable[dict[str, torch.Tensor]]:
        rng = np.random.default_rng([self.settings.seed, epoch])
        return (self.joined.batch(rows) for rows in self.joined.batches(self.settings.batch, rng))

    def loss(self, batch: dict[str, torch.Tensor]) -> Step:
        """Classification, intensity, and order of intensities, in frames of speech."""
        answer = self.network.stack_answer(batch["features"], batch["mask"])
        logits, intensity = self.network.spread_out(answer, batch["mask"].shape[1])
        wanted = batch["intensity"]
        parts = torch.stack(
            [
                masked_classification(logits, batch["accepted"], batch["known"], self.settings.smoothing),
                masked_intensity(intensity, wanted),
                ranked_intensity(intensity, wanted, batch["emotion"].masked_fill(wanted.isnan(), PADDING)),
            ]
        )
        return Step(parts @ self.weights, parts, self.parameters)

    def candidate(self, weights: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
        return weights

    def validate(self, candidate: Mapping[str, torch.Tensor]) -> dict[str, float]:
        if self.val is None:
            return {}
        own = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(candidate)
        scores = score_frames(self.val.labels(), *stack_answers(self.network, self.val))
        self.network.load_state_dict(own)
        return scores

    def score(self, scores: Mapping[str, float]) -> float:
        """Macro F1 of frames; without validation the last epoch is the best."""
        return scores.get("macro_f1", float(self.epoch))

    def write(self, candidate: Mapping[str, torch.Tensor]) -> None:
        """Keep the weights of the best epoch beside the state."""
        part = self.out / "best.pt.part"
        torch.save(dict(candidate), part)
        part.replace(self.out / "best.pt")

    def begin(self, epoch: int) -> None:
        """Nothing to prepare."""

    def finished(self, epoch: int, row: Mapping[str, float], candidate: Any) -> None:
        """Nothing to show."""


@torch.no_grad()
def stack_answers(network: DiarizerNetwork, joined: JoinedSet) -> tuple[np.ndarray, np.ndarray]:
    """Logits (frames, C) and intensity (frames,) of the stack alone, of all recordings."""
    network.eval()
    logits, levels = [], []
    for number in range(len(joined)):
        row = joined.row(number)
        first, level = network.spread_out(network.stack_answer(row[None]), len(row))
        logits.append(first[0].numpy())
        levels.append(level[0].sigmoid().numpy())
    return np.concatenate(logits), np.concatenate(levels)
