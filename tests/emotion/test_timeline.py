"""The timeline: decoding, segments, overrides, gain, interpolation."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedtalker_cli.clock import HOP, frame_count
from sedtalker_cli.emotion.decoding import decode_labels, runs_of
from sedtalker_cli.emotion.spans import Span, parse_spans
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.overrides import parse_override

ANGRY, HAPPY, NEUTRAL, SAD = (EMOTIONS.index(name) for name in ("angry", "happy", "neutral", "sad"))


def detected(seconds: float = 4.0, intensity: float = 0.25) -> EmotionTimeline:
    """Neutral at 0.6, the rest shared."""
    frames = frame_count(seconds)
    posteriors = np.full((frames, 7), 0.4 / 6, np.float32)
    posteriors[:, NEUTRAL] = 0.6
    return EmotionTimeline.from_posteriors(EMOTIONS, posteriors, np.full(frames, intensity), seconds)


def path_score(logs: np.ndarray, labels: tuple[int, ...], cost: float) -> float:
    switches = sum(a != b for a, b in itertools.pairwise(labels))
    return sum(logs[k, label] for k, label in enumerate(labels)) - cost * switches


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(2, 3), st.integers(1, 4), st.floats(0, 3), st.integers(0, 10**6))
def test_decoding_is_the_best_of_all_paths(frames, classes, shortest, cost, seed):
    posteriors = np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), frames)
    logs = np.log(np.maximum(posteriors, 1e-8))
    need = min(shortest, frames)
    allowed = [
        path
        for path in itertools.product(range(classes), repeat=frames)
        if all(stop - start >= need for start, stop, _ in runs_of(np.array(path)))
    ]
    best = max(path_score(logs, path, cost) for path in allowed)
    found = tuple(decode_labels(posteriors, shortest, cost).tolist())
    assert found in allowed
    assert path_score(logs, found, cost) == pytest.approx(best, abs=1e-9)


def test_decoding_without_costs_is_argmax():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(7), 500)
    assert np.array_equal(decode_labels(posteriors, 1, 0.0), posteriors.argmax(1))


def test_decoding_removes_a_flicker():
    posteriors = np.tile([0.1, 0.9], (100, 1))
    posteriors[40:45] = [0.9, 0.1]
    assert runs_of(decode_labels(posteriors, 10, 0.0)) == [(0, 100, 1)]
    assert runs_of(decode_labels(posteriors, 3, 0.0)) == [(0, 40, 1), (40, 45, 0), (45, 100, 1)]
    assert runs_of(decode_labels(posteriors, 3, 20.0)) == [(0, 100, 1)]


def test_an_hour_is_decoded_quickly():
    posteriors = np.random.default_rng(0).dirichlet(np.full(7, 0.3), 180_000)
    begin = time.process_time()
    labels = decode_labels(posteriors, 25, 4.0)
    assert time.process_time() - begin < 6
    assert min(stop - start for start, stop, _ in runs_of(labels)) >= 25


def test_segments_tile_the_recording():
    labels = np.repeat([NEUTRAL, HAPPY, SAD], [50, 30, 21])
    posteriors = np.full((101, 7), 0.05, np.float32)
    posteriors[np.arange(101), labels] = 0.7
    timeline = EmotionTimeline(EMOTIONS, posteriors, np.zeros(101), labels, 2.0111)
    segments = timeline.segments()
    assert [s.emotion for s in segments] == ["neutral", "happy", "sad"]
    assert [s.onset for s in segments] == pytest.approx([0, 1.0, 1.6])
    assert [s.end for s in segments] == pytest.approx([1.0, 1.6, 2.0111])
    assert [s.confidence for s in segments] == pytest.approx([0.7] * 3)


def test_from_segments_inverts_segments():
    segments = [Segment(0, 1.0, "neutral"), Segment(1.0, 0.5, "happy"), Segment(1.5, 0.51, "sad")]
    timeline = EmotionTimeline.from_segments(segments, EMOTIONS, 2.01, intensity=0.4)
    assert [(s.emotion, s.confidence) for s in timeline.segments()] == [(s.emotion, 1.0) for s in segments]
    assert [s.end for s in timeline.segments()] == pytest.approx([1.0, 1.5, 2.01])
    assert np.all(timeline.intensity == np.float32(0.4))
    assert np.all(timeline.posteriors.sum(1) == 1)
    gap = EmotionTimeline.from_segments([Segment(0.5, 0.5, "angry")], EMOTIONS, 1.5)
    assert [s.emotion for s in gap.segments()] == ["neutral", "angry", "neutral"]


@pytest.mark.parametrize(("samples", "frames"), [(320, 1), (321, 2), (640, 2), (16000, 50), (57600000, 180000)])
def test_frame_count(samples, frames):
    assert frame_count(samples / 16000) == frames


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="need 100 frames"):
        EmotionTimeline(EMOTIONS, np.ones((99, 7)), np.zeros(99), np.zeros(99), 2.0)
    with pytest.raises(ValueError, match="finite"):
        EmotionTimeline(EMOTIONS, np.full((1, 7), np.nan), np.zeros(1), np.zeros(1), 0.02)


def test_sample_interpolates_between_frame_centres():
    timeline = EmotionTimeline(("a", "b"), [[1, 0], [0, 1], [0, 1]], [0, 1, 0.5], [0, 1, 1], 0.06)
    posteriors, intensity = timeline.sample(np.array([-1.0, 0.01, 0.02, 0.03, 0.05, 9.0]))
    assert posteriors[:, 1] == pytest.approx([0, 0, 0.5, 1, 1, 1])
    assert intensity == pytest.approx([0, 0, 0.5, 1, 0.5, 0.5])
    one = EmotionTimeline(("a", "b"), [[0.25, 0.75]], [0.5], [1], 0.02)
    assert one.sample(np.array([0.0, 1.0]))[0] == pytest.approx(np.tile([0.25, 0.75], (2, 1)))


def test_gain():
    assert np.all(detected().gain(2).intensity == 0.5)
    assert np.all(detected().gain(0).intensity == 0)
    assert np.all(detected().gain(9).intensity == 1)
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="gain"):
            detected().gain(wrong)


def test_override_everything():
    timeline = detected().override("happy:0.8")
    assert [s.emotion for s in timeline.segments()] == ["happy"]
    assert np.all(timeline.posteriors[:, HAPPY] == 1)
    assert np.allclose(timeline.intensity, 0.8)
    assert np.all(detected().override("Happy").intensity == 1)
    assert np.all(detected().override("neutral").intensity == 0)
    assert np.allclose(detected().override("neutral:0.3").intensity, 0.3)


def test_override_parts_and_keep_the_rest():
    before = detected(6.0)
    after = before.override("1-2.5=angry:0.9,4-=sad:0.4")
    assert [(s.emotion, round(s.onset, 6), round(s.end, 6)) for s in after.segments()] == [
        ("neutral", 0, 1),
        ("angry", 1, 2.5),
        ("neutral", 2.5, 4),
        ("sad", 4, 6),
    ]
    centres = (np.arange(300) + 0.5) * HOP
    outside = (centres < 0.9) | ((centres > 2.6) & (centres < 3.9))
    assert np.allclose(after.posteriors[outside], before.posteriors[outside])
    inside = (centres > 1.1) & (centres < 2.4)
    assert np.allclose(after.posteriors[inside, ANGRY], 1)
    assert np.allclose(after.intensity[inside], 0.9)
    assert np.allclose(after.posteriors[-1, SAD], 1)  # no fade at the end of the recording
    assert np.allclose(after.posteriors.sum(1), 1, atol=1e-6)


def test_override_fades_linearly_over_200_ms():
    after = detected(4.0, intensity=0.0).override("2-=angry")
    times = np.array([1.91, 1.99, 2.01, 2.09])
    assert after.sample(times)[1] == pytest.approx([0.05, 0.45, 0.55, 0.95], abs=1e-6)
    share = (after.sample(np.array([2.01]))[0][0, ANGRY] - 0.4 / 6) / (1 - 0.4 / 6)
    assert share == pytest.approx(0.55, abs=1e-6)


def test_neighbours_fade_into_each_other_not_into_what_was_detected():
    after = detected().override("-2=angry:1,2-=sad:1")
    assert np.all(after.posteriors[:, NEUTRAL] < 1e-6)
    assert np.allclose(after.posteriors[:, ANGRY] + after.posteriors[:, SAD], 1)
    assert np.allclose(after.intensity, 1)


def test_short_spans_reach_their_emotion():
    after = detected().override("1-1.1=angry,2-2.02=sad")
    assert after.posteriors[:, ANGRY].max() == pytest.approx(1)
    assert after.posteriors[:, SAD].max() == pytest.approx(1, abs=0.01)
    assert [s.emotion for s in after.segments()] == ["neutral", "angry", "neutral", "sad", "neutral"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("glad", "unknown emotion 'glad'.*valid emotions: angry, disgust, fear"),
        ("", "unknown emotion"),
        ("happy:", "intensity ''"),
        ("happy:1.5", r"intensity '1\.5'"),
        ("happy:-0.1", "intensity"),
        ("happy:nan", "intensity 'nan'"),
        ("happy,sad", "'happy': has no time range"),
        ("0-1=happy,sad", "'sad': has no time range"),
        ("0-1=glad", "'0-1=glad': unknown emotion 'glad'"),
        ("2-1=happy", "ends at or before its start"),
        ("1-1=happy", "ends at or before its start"),
        ("-1-2=happy", "'-1-2' is not a time range"),
        ("nan-2=happy", "not a time range"),
        ("0-inf=happy", "not a time range"),
        ("1=happy", "'1' is not a time range"),
        ("0-2=happy,1-3=sad", "0-2=happy and 1-3=sad overlap"),
        ("0-=happy,1-3=sad", "overlap"),
        ("0-1=happy,", "''"),
        ("9-=happy", r"9-=happy: starts beyond the end of the recording \(4\.000 s\)"),
    ],
)
def test_overrides_that_cannot_be_meant(spec, said):
    with pytest.raises(UsageError, match=said) as error:
        detected().override(spec)
    assert "\n" not in str(error.value)


def test_a_span_beyond_the_end_is_cut_with_a_warning(caplog):
    after = detected().override("3-9=sad")
    assert after.segments()[-1].emotion == "sad"
    assert "cut at the end" in caplog.text
    caplog.clear()
    detected().override("3-4.01=sad")
    assert not caplog.text


def test_open_ends_and_order():
    assert parse_spans("2-=sad:0.5,-1=happy", EMOTIONS) == [
        Span(0, 1, "happy", 1.0),
        Span(2, np.inf, "sad", 0.5),
    ]
    assert parse_spans(" 0 - 1.5 = happy : 0.5 ", EMOTIONS) == [Span(0, 1.5, "happy", 0.5)]
    assert parse_spans(".5-1.=happy", EMOTIONS) == [Span(0.5, 1, "happy", 1.0)]
    assert parse_spans("happy:0", EMOTIONS) == [Span(0, np.inf, "happy", 0.0)]
    with pytest.raises(UsageError) as error:
        parse_spans("0-1= glad", ("happy", "sad"))
    assert str(error.value) == (
        "emotion override '0-1= glad': unknown emotion 'glad'; write EMOTION[:INTENSITY] or "
        "START-END=EMOTION[:INTENSITY],...; valid emotions: happy, sad"
    )
    assert detected().override("-=happy").segments()[0].emotion == "happy"


def test_another_timeline_replaces_as_far_as_it_reaches():
    edited = EmotionTimeline(("happy", "sad"), np.tile([0.8, 0.2], (100, 1)), np.full(100, 0.7), np.zeros(100), 2.0)
    after = detected().override(edited)
    assert [s.emotion for s in after.segments()] == ["happy", "neutral"]
    assert np.allclose(after.posteriors[:90, HAPPY], 0.8)
    assert np.allclose(after.posteriors[100:], detected().posteriors[100:])
    assert np.allclose(after.posteriors.sum(1), 1, atol=1e-6)
    same = detected().override(detected())
    assert np.array_equal(same.posteriors, detected().posteriors)
    short = detected(3.99).override(detected(3.97))  # one row less than the recording has
    assert np.allclose(short.posteriors, detected(3.99).posteriors)


def test_another_timeline_fades_out_before_its_end():
    """Over its last 200 ms, by the middle of each frame: 0.95, 0.85 ... 0.05; intensity and probabilities alike."""
    edited = EmotionTimeline(("happy", "sad"), np.tile([0.8, 0.2], (100, 1)), np.full(100, 0.7), np.zeros(100), 2.0)
    before = detected()
    after = before.override(edited)
    share = np.array([1.0, *np.arange(0.95, 0, -0.1), 0.0])
    assert after.intensity[89:101] == pytest.approx(share * 0.7 + (1 - share) * before.intensity[89:101], abs=1e-6)
    assert after.posteriors[89:101, HAPPY] == pytest.approx(
        share * 0.8 + (1 - share) * before.posteriors[89:101, HAPPY], abs=1e-6
    )


def test_rttm_as_override(tmp_path):
    path = tmp_path / "a.rttm"
    line = "SPEAKER {} 1 {} {} <NA> <NA> {} 0.9 <NA>\n"
    path.write_text(line.format("a", "1.000", "1.000", "angry") + line.format("b", "0.000", "1.000", "sad"))
    spans = parse_override(str(path), EMOTIONS, "a")
    assert spans == [Span(1, 2, "angry", 1.0)]
    with pytest.raises(UsageError, match="none called 'c'"):
        parse_override(str(path), EMOTIONS, "c")
    path.write_text(line.format("a b", "0", "1", "angry").replace("a b", "x"))
    assert detected().override(parse_override(str(path), EMOTIONS, "other")).segments()[0].emotion == "angry"
    path.write_text(line.format("a", "0", "1", "glad"))
    with pytest.raises(UsageError, match="unknown emotion 'glad'; valid emotions: angry"):
        parse_override(str(path))
    path.write_text(line.format("a", "0", "1", "sad") + line.format("a", "0.5", "1", "happy"))
    with pytest.raises(UsageError, match=r":2: happy from 0\.5 to 1\.5 s overlaps sad in line 1"):
        parse_override(str(path), strict=True)
    with pytest.raises(UsageError, match="does not exist"):
        parse_override(str(tmp_path / "none.rttm"))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789.-=:,happysdnife \n", max_size=40))
def test_any_text_is_parsed_or_refused(text):
    try:
        spans = parse_spans(text, EMOTIONS)
    except UsageError:
        return
    assert spans
    for one, other in itertools.pairwise(spans):
        assert one.end <= other.start + 5e-4
