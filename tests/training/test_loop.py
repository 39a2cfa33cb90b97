"""The training loop, on a job of one number: which epoch is kept, when it stops, what it goes on from."""

import csv
import math

import pytest
import torch
from torch import nn

from sedtalker_cli.training.loop import Job, LoopSettings, Step, run
from sedtalker_cli.training.precision import no_scaler
from sedtalker_cli.training.state import load_state


class Number(Job):
    """A number that is to become 1; scores are given in advance."""

    losses = ("loss",)

    def __init__(self, scores, higher_is_better=True):
        self.scores, self.higher_is_better = scores, higher_is_better
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.5)
        self.scaler = no_scaler()
        self.kept = {}
        self.epoch, self.written, self.begun, self.rows = 0, [], [], []

    def seed(self, epoch):
        self.epoch = epoch
        return epoch

    def batches(self, epoch):
        return [1.0, None]

    def loss(self, batch):
        parameters = list(self.network.parameters())
        if batch is None:  # another process has all of it
            return Step(None, None, parameters, 1)
        loss = (self.network.weight - batch).square().sum()
        return Step(loss, loss[None], parameters, 3)

    def candidate(self, weights):
        return float(weights["weight"])

    def validate(self, candidate):
        return {"given": self.scores[self.epoch]}

    def score(self, scores):
        return scores["given"]

    def write(self, candidate):
        self.written.append(self.epoch + 1)

    def begin(self, epoch):
        self.begun.append(epoch)

    def finished(self, epoch, row, candidate):
        self.rows.append((epoch, row["given"]))


def silent(*_):
    pass


def train(job, out, patience=0, state=None, log=silent):
    settings = LoopSettings(epochs=len(job.scores), steps=2, warmup=1, patience=patience)
    return run(job, settings, out, log, state=state)


@pytest.mark.parametrize(
    ("scores", "higher", "best", "written"),
    [
        ((-3.0, -2.0, -2.5), True, {"score": -2.0, "epoch": 2}, [1, 2]),
        ((3.0, 1.0, 2.0), False, {"score": 1.0, "epoch": 2}, [1, 2]),
        ((math.nan, 0.5, math.nan), True, {"score": 0.5, "epoch": 2}, [2]),
        ((1.0, 1.0, 1.0), False, {"score": 1.0, "epoch": 1}, [1]),
    ],
)
def test_the_best_epoch_is_kept(tmp_path, scores, higher, best, written):
    job = Number(scores, higher)
    assert train(job, tmp_path) == best
    assert job.written == written and job.begun == [0]
    assert [epoch for epoch, _ in job.rows] == [1, 2, 3]


def test_mean_losses_count_every_share(tmp_path):
    """The first epoch's loss is 1, in a batch of 3; another process has the batch of 1."""
    train(Number((0.0,)), tmp_path)
    with (tmp_path / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["loss"]) == pytest.approx(1 / 4) and float(row["learning_rate"]) == 0


def test_a_run_without_progress_ends_and_stays_ended(tmp_path):
    job, lines = Number((5.0, 4.0, 3.0, 9.0)), []
    assert train(job, tmp_path, patience=2, log=lines.append) == {"score": 5.0, "epoch": 1}
    assert [epoch for epoch, _ in job.rows] == [1, 2, 3] and "stopped after epoch 3" in lines[-1]
    again = Number(job.scores)
    assert train(again, tmp_path, patience=2, state=load_state(tmp_path / "state.pt", {})) == {"score": 5.0, "epoch": 1}
    assert again.begun == [] and again.rows == [] and torch.equal(again.network.weight, job.network.weight)


def test_a_run_goes_on_with_the_rest(tmp_path):
    whole = Number((1.0, 2.0, 3.0))
    (tmp_path / "whole").mkdir()
    train(whole, tmp_path / "whole")

    def stop(text):
        if text.startswith("epoch 2:"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(Number(whole.scores), tmp_path, log=stop)
    rest = Number(whole.scores)
    best = train(rest, tmp_path, state=load_state(tmp_path / "state.pt", {}))
    assert best == {"score": 3.0, "epoch": 3} and rest.begun == [1] and [e for e, _ in rest.rows] == [2, 3]
    assert torch.equal(rest.network.weight, whole.network.weight)
