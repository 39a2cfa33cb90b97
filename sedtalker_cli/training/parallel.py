"""One training in several processes, as `torchrun` starts them: each works on its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """The processes of a run.

    Attributes:
        rank: number of this one; 0 writes the files.
        size: how many there are.
        device: where this one computes.
    """

    rank: int
    size: int
    device: str

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Every `size`-th of the items, from this process's number on."""
        return items[self.rank :: self.size]

    def add(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of a tensor over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients over all processes, in one message; a process without its own counts as zeros."""
        if self.size == 1:
            return
        parameters = list(parameters)
        flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in parameters])
        distributed.all_reduce(flat)
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.view_as(parameter)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Team(0, 1, "cpu")


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes that `torchrun` started, or this one alone.

    Args:
        device: `cpu` or `cuda`; on CUDA every process takes the device of its local number.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(0, 1, device)
        return
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Team(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
