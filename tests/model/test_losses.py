"""Losses with what is unknown left out."""

import math

import pytest
import torch
from torch.nn import functional as F

from sedtalker_cli.model.losses import masked_classification, masked_intensity, ranked_intensity
from tests.model.tensors import normal
from tests.model.tensors import seed as seed


def test_classes_that_a_corpus_lacks_get_no_gradient():
    logits = normal(2, 6, 7).requires_grad_()
    target = torch.tensor([[0, 1, 0, 1, -100, -100], [6, 5, 4, 3, 2, 1]])
    known = torch.ones(2, 7, dtype=torch.bool)
    known[0, 2:] = False
    masked_classification(logits, target, known, smoothing=0.1).backward()
    assert (logits.grad[0, :, 2:] == 0).all()
    assert (logits.grad[0, 4:] == 0).all()
    assert (logits.grad[0, :4, :2] != 0).all() and (logits.grad[1] != 0).all()
    # A class that may not answer does not change the loss of those that may.
    with torch.no_grad():
        moved = logits.clone()
        moved[0, :, 2:] += 5
        assert masked_classification(moved, target, known) == pytest.approx(
            masked_classification(logits, target, known).item()
        )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_classification_equals_cross_entropy_where_all_is_known(smoothing):
    logits, target = normal(3, 8, 7), torch.randint(0, 7, (3, 8))
    known = torch.ones(3, 7, dtype=torch.bool)
    expected = F.cross_entropy(logits.transpose(1, 2), target, label_smoothing=smoothing)
    torch.testing.assert_close(masked_classification(logits, target, known, smoothing), expected)


def test_recordings_count_alike_whatever_their_length():
    logits = normal(2, 10, 7)
    target = torch.full((2, 10), -100)
    target[0], target[1, :2] = 3, 3
    known = torch.ones(2, 7, dtype=torch.bool)
    nll = -logits.log_softmax(-1)[..., 3]
    expected = (nll[0].mean() + nll[1, :2].mean()) / 2
    torch.testing.assert_close(masked_classification(logits, target, known), expected)


def test_unknown_intensity_is_ignored():
    logits = normal(2, 4).requires_grad_()
    target = torch.tensor([[0.2, math.nan, 0.4, math.nan], [math.nan] * 4], dtype=torch.float64)
    loss = masked_intensity(logits, target)
    expected = ((logits[0, 0].sigmoid() - 0.2) ** 2 + (logits[0, 2].sigmoid() - 0.4) ** 2) / 2
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert logits.grad.isfinite().all()
    assert (logits.grad[1] == 0).all() and (logits.grad[0, 1::2] == 0).all() and (logits.grad[0, ::2] != 0).all()
    assert masked_intensity(logits, torch.full_like(target, math.nan)).item() == 0


def test_ranking_pulls_strong_above_normal():
    logits = torch.zeros(3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([1.0, 0.5, math.nan], dtype=torch.float64)[:, None].expand(3, 5)
    emotion = torch.full((3, 5), 2)
    loss = ranked_intensity(logits, target, emotion)
    assert loss.item() == pytest.approx(math.log(2))
    loss.backward()
    assert (logits.grad[0] < 0).all() and (logits.grad[1] > 0).all() and (logits.grad[2] == 0).all()
    right = torch.tensor([3.0, -3.0, 0.0], dtype=torch.float64)[:, None].expand(3, 5)
    assert ranked_intensity(right, target, emotion) < 0.01 < 5 < ranked_intensity(-right, target, emotion)


@pytest.mark.parametrize("case", ["close", "changing", "one", "none"])
def test_ranking_needs_two_recordings_that_can_be_told_apart(case):
    logits = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0], [0.95 if case == "close" else 0.5]], dtype=torch.float64).repeat(1, 4)
    emotion = torch.full((2, 4), 3)
    if case == "changing":
        emotion[1, 2:] = 4
    elif case in ("one", "none"):
        target[1 if case == "one" else slice(None)] = math.nan
    loss = ranked_intensity(logits, target, emotion)
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


def test_ranking_leaves_padding_out():
    target = torch.tensor([[1.0] * 4, [0.5, 0.5, math.nan, math.nan]], dtype=torch.float64)
    emotion = torch.tensor([[3] * 4, [3, 3, -100, -100]])
    logits = torch.tensor([[2.0] * 4, [1.0, 1.0, 99.0, 99.0]], dtype=torch.float64)
    assert ranked_intensity(logits, target, emotion).item() == pytest.approx(math.log1p(math.exp(-1)))


def test_any_of_several_classes_counts_and_nothing_told_costs_nothing():
    torch.manual_seed(0)
    logits, known = torch.randn(2, 5, 7, requires_grad=True), torch.ones(2, 7, dtype=torch.bool)
    target = torch.randint(0, 7, (2, 5))
    one = F.one_hot(target, 7).bool()
    torch.testing.assert_close(
        masked_classification(logits, one, known, 0.1), masked_classification(logits, target, known, 0.1)
    )
    several = one.clone()
    several[0, :, :3] = True
    several[1] = False
    p = logits.softmax(-1)
    expected = -(p * several).sum(-1)[0].log().mean() / 2
    torch.testing.assert_close(masked_classification(logits, several, known), expected)
    masked_classification(logits, several, known).backward()
    assert (logits.grad[1] == 0).all() and logits.grad.isfinite().all()
    nothing = masked_classification(logits, torch.zeros_like(one), known, 0.1)
    assert nothing.item() == 0


def test_recordings_without_a_class_are_ranked_by_their_level():
    emotion = torch.tensor([[-1, -1], [-1, -100], [3, 3]])
    target = torch.tensor([[0.0, 0.0], [1.0, math.nan], [math.nan, math.nan]])
    right = torch.tensor([[-9.0, -9.0], [9.0, 0.0], [0.0, 0.0]])
    assert ranked_intensity(right, target, emotion) < 0.01 < 5 < ranked_intensity(-right, target, emotion)
