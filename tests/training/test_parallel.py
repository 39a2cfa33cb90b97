"""Processes that share a training: gradients and losses are summed, in real processes of their own."""

import multiprocessing

import torch
from torch import distributed

from sedtalker_cli.training.parallel import ALONE, Team


def _work(rank: int, place: str, answers) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=2)
    team = Team(rank, 2, "cpu")
    parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))]
    parameters[0].grad = torch.tensor([1.0, 2.0]) * (1 + rank)
    if rank:  # the other one has no share of this batch
        parameters[1].grad = torch.tensor([5.0])
    team.add_gradients(parameters)
    losses = team.add(torch.tensor([1.0 + rank]))
    answers.put(([p.grad.tolist() for p in parameters], losses.tolist(), list(team.share("abcde")), team.leads))
    distributed.destroy_process_group()


def test_gradients_of_a_batch_are_summed_not_averaged(tmp_path):
    """Every process divides its loss by the size of the whole batch, so the sum is the gradient of one process."""
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=_work, args=(rank, str(tmp_path / "meet"), answers)) for rank in range(2)]
    for process in processes:
        process.start()
    found = sorted((answers.get(timeout=120) for _ in processes), key=lambda answer: not answer[3])
    for process in processes:
        process.join()
    gradients = [[3.0, 6.0], [5.0]]
    assert found == [(gradients, [3.0], ["a", "c", "e"], True), (gradients, [3.0], ["b", "d"], False)]


def test_alone_nothing_is_added():
    parameter = torch.nn.Parameter(torch.zeros(1))
    ALONE.add_gradients([parameter])
    assert parameter.grad is None and ALONE.add(torch.tensor([2.0])).item() == 2
