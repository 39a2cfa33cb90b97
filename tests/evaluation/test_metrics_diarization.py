"""Diarization and calibration measures against a published example, other implementations and their laws."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.emotion.timeline import EMOTIONS, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.evaluation.metrics.alignment import align
from sedtalker_cli.evaluation.metrics.calibration import auc, expected_calibration_error, reliability, spearman
from sedtalker_cli.evaluation.metrics.confusion import Confusion, confusion_by_group
from sedtalker_cli.evaluation.metrics.diarization import boundary_count, error_time, score_files, time_confusion

CLASSES = ("angry", "happy", "neutral", "sad")


def segments(*spans):
    return [Segment(start, end - start, emotion) for start, end, emotion in spans]


def tiling(rng, ticks):
    """Random segments without a gap over [0, ticks / 100] s."""
    cuts = [0, *np.sort(rng.choice(np.arange(1, ticks), rng.integers(0, 9), replace=False)), ticks]
    return segments(*((a / 100, b / 100, str(rng.choice(CLASSES))) for a, b in pairwise(cuts)))


@st.composite
def tilings(draw, duration=10.0):
    ticks = draw(st.lists(st.integers(1, 99), unique=True, max_size=8))
    cuts = [0.0, *(duration * tick / 100 for tick in sorted(ticks)), duration]
    return segments(*((a, b, draw(st.sampled_from(CLASSES))) for a, b in pairwise(cuts)))


# --- error rate


def test_example_of_speechbrain():
    # From the documentation of speechbrain.utils.EDER: 6 frames of 0.2 s "n n n a a a", duration 1.22, angry
    # from 0.39 to 1.10.
    reference = segments((0, 0.39, "neutral"), (0.39, 1.10, "angry"), (1.10, 1.22, "neutral"))
    hypothesis = segments((0, 0.6, "neutral"), (0.6, 1.2, "angry"))
    errors = error_time(align(reference, hypothesis, duration=1.22))
    assert errors.eder == pytest.approx(0.2704918032786885, abs=1e-12)
    # by hand: missed 0.39-0.60 and, without an answer, 1.20-1.22; false alarm 1.10-1.20
    assert (errors.missed, errors.false_alarm, errors.confusion) == pytest.approx((0.23, 0.10, 0.0))
    assert error_time(align(reference, hypothesis)) == errors  # the reference ends at 1.22, too


def test_kinds_of_error_by_hand():
    reference = segments((0, 2, "neutral"), (2, 6, "angry"), (6, 8, "sad"))
    hypothesis = segments((0, 1, "neutral"), (1, 3, "angry"), (3, 5, "happy"), (5, 7, "neutral"), (9, 10, "sad"))
    errors = error_time(align(reference, hypothesis, duration=10))
    assert errors.false_alarm == pytest.approx(1 + 1)  # angry in neutral, sad after the reference's end
    assert errors.confusion == pytest.approx(2)
    assert errors.missed == pytest.approx(1 + 1 + 1)  # neutral in angry, neutral in sad, no answer in sad
    assert errors.eder == pytest.approx(7 / 10)


def pyannote_rate(reference, hypothesis, duration, uem=None):
    core = pytest.importorskip("pyannote.core")
    identification = pytest.importorskip("pyannote.metrics.identification")
    sides = []
    for side in (reference, hypothesis):
        annotation = core.Annotation()
        for index, segment in enumerate(side):
            annotation[core.Segment(segment.onset, segment.onset + segment.duration), index] = segment.emotion
        sides.append(annotation)
    regions = core.Timeline([core.Segment(start, end) for start, end in uem or [(0, duration)]])
    return identification.IdentificationErrorRate()(*sides, uem=regions)


@pytest.mark.parametrize("seed", range(25))
def test_agrees_with_pyannote(seed):
    rng = np.random.default_rng(seed)
    ticks = int(rng.integers(200, 3000))
    duration = ticks / 100
    reference, hypothesis = tiling(rng, ticks), tiling(rng, ticks)
    ours = error_time(align(reference, hypothesis, duration)).eder
    assert ours == pytest.approx(pyannote_rate(reference, hypothesis, duration), abs=1e-9)
    uem = [(0.1 * duration, 0.4 * duration), (0.55 * duration, 0.9 * duration)]
    errors = error_time(align(reference, hypothesis, uem=uem))
    assert errors.duration == pytest.approx(0.65 * duration)
    assert errors.eder == pytest.approx(pyannote_rate(reference, hypothesis, duration, uem), abs=1e-9)
    # A hypothesis with holes: the rates still agree, as the reference covers everything.
    holes = [segment for segment in hypothesis if rng.random() < 0.7]
    ours = error_time(align(reference, holes, duration)).eder
    assert ours == pytest.approx(pyannote_rate(reference, holes, duration), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(tilings(), tilings())
def test_laws_of_the_error_rate(reference, hypothesis):
    pieces = align(reference, hypothesis)
    assert sum(piece.end - piece.start for piece in pieces) == pytest.approx(10)
    errors = error_time(pieces)
    assert -1e-12 <= errors.eder <= 1 + 1e-12
    # On full tilings what is not wrong is right.
    assert errors.eder == pytest.approx(1 - time_confusion(pieces, CLASSES).accuracy, abs=1e-9)
    # Swapping the sides swaps missed and false alarm.
    swapped = error_time(align(hypothesis, reference))
    assert (swapped.missed, swapped.false_alarm) == pytest.approx((errors.false_alarm, errors.missed), abs=1e-9)
    assert swapped.confusion == pytest.approx(errors.confusion, abs=1e-9)
    assert error_time(align(reference, reference)).eder == 0
    # Two halves of the file add up to the whole.
    nested = error_time(align(reference, hypothesis, uem=[(5, 6), (0, 10), (9, 10)]))
    assert nested.duration == pytest.approx(10) and nested.eder == pytest.approx(errors.eder, abs=1e-9)
    halves = [error_time(align(reference, hypothesis, uem=[half])) for half in ((0, 4.2), (4.2, 10))]
    assert (halves[0] + halves[1]).eder == pytest.approx(errors.eder, abs=1e-9)


def test_rounded_times_leave_no_gap():
    reference = segments((0, 1.0, "sad"), (1.0, 2.0, "angry"))
    hypothesis = segments((0, 0.999, "sad"), (1.0, 1.5, "angry"), (1.499, 2.0, "angry"))
    pieces = align(reference, hypothesis)
    assert error_time(pieces).eder == 0
    assert boundary_count(pieces, tolerance=0.5).hypothesis == 1


@pytest.mark.parametrize(
    "bad, message",
    [
        (segments((0, 2, "sad"), (1, 3, "angry")), "hypothesis: sad and angry overlap at 1.000 s"),
        (segments((1, 1, "sad")), "bad segment sad"),
        (segments((0, math.nan, "sad")), "bad segment sad"),
        (segments((-1, 1, "sad")), "bad segment sad"),
        (segments((0, 1, "joyful")), "song.wav: emotion 'joyful' is none of"),
    ],
)
def test_segments_that_cannot_be_scored(bad, message):
    with pytest.raises(InputError, match=message):
        score_files({"song.wav": segments((0, 3, "sad"))}, {"song.wav": bad}, EMOTIONS)


# --- boundaries


def best_matching(true, found, tolerance):
    """Largest one-to-one matching by augmenting paths, independent of the order of time."""
    partner = {}

    def place(t, tried):
        for f in range(len(found)):
            if f not in tried and abs(true[t] - found[f]) <= tolerance + 1e-9:
                tried.add(f)
                if f not in partner or place(partner[f], tried):
                    partner[f] = t
                    return True
        return False

    return sum(place(t, set()) for t in range(len(true)))


@settings(deadline=None, max_examples=80)
@given(tilings(), tilings(), st.sampled_from([0.05, 0.5, 2.0]))
def test_boundaries_are_matched_one_to_one(reference, hypothesis, tolerance):
    def changes(side):
        return [b.onset for a, b in pairwise(side) if a.emotion != b.emotion]

    count = boundary_count(align(reference, hypothesis), tolerance)
    true, found = changes(reference), changes(hypothesis)
    assert (count.reference, count.hypothesis) == (len(true), len(found))
    assert count.matched == best_matching(true, found, tolerance)


def test_boundaries_by_hand():
    reference = segments((0, 2, "sad"), (2, 2.4, "angry"), (2.4, 6, "neutral"))
    hypothesis = segments((0, 2.2, "sad"), (2.2, 4, "angry"), (4, 6, "neutral"))
    count = boundary_count(align(reference, hypothesis))
    assert (count.matched, count.reference, count.hypothesis) == (
        1,
        2,
        2,
    )  # 2.2 is near both, but serves once
    assert (count.precision, count.recall, count.f1) == (0.5, 0.5, 0.5)
    # A region's own edges are no changes, and outside of it nothing counts.
    inside = boundary_count(align(reference, hypothesis, uem=[(2.0, 2.4), (3.0, 6.0)]))
    assert (inside.reference, inside.hypothesis) == (0, 2)
    steady = boundary_count(align(segments((0, 2, "sad")), segments((0, 1, "sad"), (1, 2, "sad"))))
    assert math.isnan(steady.f1) and (steady + count).f1 == 0.5


# --- many files


def test_score_files_micro_and_macro():
    references = {
        "short": segments((0, 1, "sad")),
        "long": segments((0, 9, "angry")),
        "lost": segments((0, 2, "sad")),
    }
    hypotheses = {
        "short": segments((0, 1, "angry")),
        "long": segments((0, 9, "angry")),
        "other": segments((0, 1, "sad")),
    }
    score = score_files(references, hypotheses, CLASSES)
    assert score.eder_micro == pytest.approx(3 / 12)
    assert score.eder_macro == pytest.approx((1 + 0 + 1) / 3)
    assert (score.total.confusion, score.total.missed) == (1, 2)
    report = json.loads(json.dumps(score.to_dict(), allow_nan=False))
    assert report["boundary_f1"] is None and report["per_file"]["lost"]["eder"] == 1
    assert report["time"]["per_class"]["sad"]["recall"] == 0 and report["time"]["per_class"]["happy"]["recall"] is None
    with pytest.raises(InputError, match="no hypothesis belongs"):
        score_files(references, {"x": []}, CLASSES)


# --- classes


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_sklearn(seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    true = rng.integers(0, rng.integers(2, 7), 300)
    found = np.where(rng.random(300) < 0.6, true, rng.integers(0, 7, 300))
    ours = Confusion.of_labels(true, found, EMOTIONS)
    present = np.unique(true)
    assert np.array_equal(ours.matrix, sklearn.confusion_matrix(true, found, labels=range(7)))
    options = {"labels": present, "zero_division": 0}
    assert ours.accuracy == pytest.approx(sklearn.accuracy_score(true, found))
    assert ours.macro_f1 == pytest.approx(sklearn.f1_score(true, found, average="macro", **options))
    assert ours.weighted_f1 == pytest.approx(sklearn.f1_score(true, found, average="weighted", **options))
    assert ours.uar == pytest.approx(sklearn.recall_score(true, found, average="macro", **options))
    precision, recall, f1, support = sklearn.precision_recall_fscore_support(true, found, **options)
    for got, want in (
        (ours.precision, precision),
        (ours.recall, recall),
        (ours.f1, f1),
        (ours.support, support),
    ):
        assert got[present] == pytest.approx(want)


def test_confusion_by_hand():
    table = Confusion.of_labels([0, 0, 1, 1, 1, 3], [0, 1, 1, 1, 0, 2], CLASSES)
    assert table.recall == pytest.approx([1 / 2, 2 / 3, math.nan, 0], nan_ok=True)
    assert table.precision == pytest.approx([1 / 2, 2 / 3, 0, 0])
    assert table.uar == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    table.count("sad", None, 2)  # no answer
    table.count(None, "angry", 2)  # not asked
    assert table.recall[3] == 0 and table.support[3] == 3
    assert table.precision[0] == pytest.approx(1 / 4) and table.f1[0] == pytest.approx(2 * 0.25 * 0.5 / 0.75)
    with pytest.raises(InputError):
        Confusion.of_labels([0, 4], [0, 0], CLASSES)
    with pytest.raises(InputError):
        Confusion.of_labels([0, 1], [0], CLASSES)
    empty = Confusion.empty(CLASSES)
    assert math.isnan(empty.uar) and math.isnan(empty.accuracy) and empty.to_dict()["macro_f1"] is None


def test_confusion_by_group():
    groups = ["urdu", "emodb", "urdu", "emodb", "emodb"]
    tables = confusion_by_group(groups, [0, 1, 2, 3, 1], [0, 1, 0, 3, 3], CLASSES)
    assert list(tables) == ["urdu", "emodb"]
    assert (tables["urdu"].uar, tables["emodb"].uar) == pytest.approx((1 / 2, 3 / 4))
    assert (tables["urdu"] + tables["emodb"]).accuracy == pytest.approx(3 / 5)


# --- calibration


def test_calibration_error_by_hand():
    posteriors = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.4, 0.6], [0.5, 0.5]])
    labels = np.array([0, 1, 1, 0, 0])
    # Four confidences lie in (0.5, 1]: mean 0.775, half of them right; 0.5 lies in (0, 0.5] and is right.
    table = reliability(posteriors, labels, bins=2)
    assert table.count.tolist() == [1, 4]
    assert table.ece == pytest.approx((4 * abs(0.5 - 0.775) + 1 * abs(1 - 0.5)) / 5)
    assert table.mce == pytest.approx(0.5)
    assert [row["count"] for row in table.table()] == [1, 4]
    assert reliability(posteriors, labels).name == "ECE, top label, 15 equal-width bins"
    assert reliability(posteriors, labels).table()[0]["accuracy"] is None


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_against_a_plain_loop(bins):
    rng = np.random.default_rng(3)
    posteriors = rng.dirichlet(np.full(7, 0.4), 2000)
    labels = np.where(rng.random(2000) < 0.5, posteriors.argmax(1), rng.integers(0, 7, 2000))
    total = 0.0
    for k in range(bins):
        inside = [i for i, p in enumerate(posteriors) if k / bins < p.max() <= (k + 1) / bins]
        right = sum(labels[i] == posteriors[i].argmax() for i in inside)
        total += abs(right - sum(posteriors[i].max() for i in inside))
    assert expected_calibration_error(posteriors, labels, bins) == pytest.approx(total / 2000)


def test_calibrated_posteriors_have_little_error():
    rng = np.random.default_rng(0)
    posteriors = rng.dirichlet(np.ones(7), 20000)
    labels = (rng.random((20000, 1)) > posteriors.cumsum(1)).sum(1).clip(0, 6)
    sharpened = posteriors**3 / (posteriors**3).sum(1, keepdims=True)
    assert expected_calibration_error(posteriors, labels) < 0.015
    assert expected_calibration_error(sharpened, labels) > 0.15
    with pytest.raises(InputError, match="softmax"):
        expected_calibration_error(np.log(posteriors), labels)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=25))
def test_auc_is_the_share_of_right_pairs(pairs):
    scores, positive = zip(*pairs, strict=True)
    wins = [(a > b) + 0.5 * (a == b) for a, p in pairs if p for b, q in pairs if not q]
    got = auc(np.array(scores), np.array(positive))
    assert math.isnan(got) if not wins else got == pytest.approx(np.mean(wins))


def test_spearman():
    assert spearman([1, 2, 3, 4], [1, 8, 27, 64]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 1, 2]) == pytest.approx(1 - 6 * (9 + 1 + 4 + 4) / (4 * 15))
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))
    for bad in ([1, math.nan, 2], [1, 2]):
        with pytest.raises(InputError):
            spearman(bad, [1, 2, 3])
