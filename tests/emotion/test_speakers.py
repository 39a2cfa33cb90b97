"""Who speaks when: frames of speakers, overlaps, and segments that are cut at turns."""

import numpy as np
import pytest

from sedtalker_cli.emotion.speakers import SpeakerFrames, SpeakerTurn, rest_of_others
from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment

ANNA, BEN = SpeakerTurn(0.1, 0.5, "anna"), SpeakerTurn(0.5, 0.4, "ben")


def timeline(duration: float = 1.0) -> EmotionTimeline:
    parts = [Segment(0.0, 0.3, "neutral"), Segment(0.3, duration - 0.3, "happy")]
    return EmotionTimeline.from_segments(parts, EMOTIONS, duration, intensity=0.7)


def runs(labels: list[str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for label in labels:
        if found and found[-1][0] == label:
            found[-1] = (label, found[-1][1] + 1)
        else:
            found.append((label, 1))
    return found


def test_overlaps_go_to_who_came_in_or_to_the_named_speaker():
    for turns in ([ANNA, BEN], [BEN, ANNA]):
        plain = SpeakerFrames.from_turns(turns, 1.0)
        assert plain.names == ("anna", "ben")
        assert runs(plain.labels()) == [("", 5), ("anna", 20), ("ben", 20), ("", 5)]
        named = SpeakerFrames.from_turns(turns, 1.0, named="anna")
        assert runs(named.labels()) == [("", 5), ("anna", 25), ("ben", 15), ("", 5)]
        assert runs(SpeakerFrames.from_turns(turns, 1.0, named="zoe").labels()) == runs(plain.labels())


def test_a_word_thrown_in_is_heard_and_the_turn_goes_on():
    turns = [SpeakerTurn(0, 1, "anna"), SpeakerTurn(0.4, 0.2, "ben")]
    assert runs(SpeakerFrames.from_turns(turns, 1.0).labels()) == [("anna", 20), ("ben", 10), ("anna", 20)]
    both = [SpeakerTurn(0, 1, "ben"), SpeakerTurn(0, 1, "anna")]
    for turns in (both, both[::-1]):
        assert runs(SpeakerFrames.from_turns(turns, 1.0).labels()) == [("anna", 50)]


def test_turns_may_end_after_the_recording_and_be_shorter_than_a_frame():
    turns = [SpeakerTurn(0.9, 5, "anna"), SpeakerTurn(0.001, 0.002, "ben"), SpeakerTurn(7, 1, "zoe")]
    frames = SpeakerFrames.from_turns(turns, 1.0)
    assert runs(frames.labels()) == [("", 45), ("anna", 5)]
    assert frames.of("anna").sum() == 5 and not frames.of("ben").any() and not frames.of("nobody").any()
    assert SpeakerFrames.from_turns([], 0.05).labels() == ["", "", ""]


def test_segments_are_cut_at_turns_and_still_tile():
    frames = SpeakerFrames.from_turns([ANNA, BEN], 0.995)
    cut = frames.segments(timeline(0.995))
    assert [(round(s.onset, 3), round(s.end, 3), s.emotion, who) for s, who in cut] == [
        (0.0, 0.1, "neutral", ""),
        (0.1, 0.3, "neutral", "anna"),
        (0.3, 0.5, "happy", "anna"),
        (0.5, 0.9, "happy", "ben"),
        (0.9, 0.995, "happy", ""),
    ]
    assert all(s.confidence == 1 for s, _ in cut)
    whole = SpeakerFrames.from_turns([], 0.995).segments(timeline(0.995))
    assert [segment for segment, _ in whole] == timeline(0.995).segments()
    with pytest.raises(ValueError, match="frames of speakers"):
        frames.segments(timeline(2.0))


def test_confidence_is_that_of_the_part():
    line = timeline()
    line.posteriors[:, :] = 0.5 / 6
    line.posteriors[np.arange(50), line.labels] = np.where(np.arange(50) < 25, 0.9, 0.5)
    cut = SpeakerFrames.from_turns([ANNA, BEN], 1.0).segments(line)
    confidence = {(round(s.onset, 2), who): s.confidence for s, who in cut}
    assert confidence[0.3, "anna"] == pytest.approx(0.9) and confidence[0.5, "ben"] == pytest.approx(0.5)


def test_others_time_is_neutral_rest():
    frames = SpeakerFrames.from_turns([ANNA, BEN], 1.0, named="anna")
    alone, before = rest_of_others(timeline(), frames.of("anna")), timeline()
    speaking = frames.of("anna")
    assert (alone.intensity[~speaking] == 0).all() and (alone.intensity[speaking] == before.intensity[speaking]).all()
    assert (alone.labels[~speaking] == EMOTIONS.index("neutral")).all()
    assert (alone.posteriors[speaking] == before.posteriors[speaking]).all()
    assert (alone.posteriors[~speaking, EMOTIONS.index("neutral")] == 1).all()
    assert (alone.labels[speaking] == before.labels[speaking]).all() and set(before.labels[speaking]) == {3, 4}
    assert (alone.speech[~speaking] == 0).all() and (alone.speech[speaking] == 1).all()


def test_rest_of_models_that_know_no_neutral_is_their_first_class():
    line = EmotionTimeline(("happy", "sad"), [[0.2, 0.8], [0.3, 0.7]], [0.5, 0.6], [1, 1], 0.04, [0.25, 0.75])
    alone = rest_of_others(line, np.array([True, False]))
    assert alone.labels.tolist() == [1, 0] and alone.posteriors[1].tolist() == [1, 0]
    assert alone.intensity.tolist() == [0.5, 0] and alone.speech.tolist() == [0.25, 0]


def test_a_turn_holds_the_frames_whose_centre_it_holds():
    """Its onset belongs to it, its end does not, also where they are the centres themselves."""
    assert SpeakerFrames.from_turns([SpeakerTurn(0.01, 0.02, "anna")], 0.06).labels() == ["anna", "", ""]
    assert SpeakerFrames.from_turns([SpeakerTurn(0.03, 0.02, "anna")], 0.06).labels() == ["", "anna", ""]
