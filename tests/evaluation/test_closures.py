"""Shut lips against captured ones, on tracks whose closures are known; voices of several speakers."""

import numpy as np
import pytest

from sedtalker_cli.data.capture_sources import read_voices
from sedtalker_cli.evaluation.lipsync.tracks import captured_track
from sedtalker_cli.evaluation.lipsync.voices import by_kind, score_clip, score_speakers, speech_of
from sedtalker_cli.evaluation.metrics.closures import score_closures
from sedtalker_cli.evaluation.metrics.lipsync import Track
from tests.data.voices import write_voice


def lips(*shut: int, frames: int = 100, words=(), size: float = 0.2) -> Track:
    """Lips that are apart by `size` but at the frames `shut`, at 25 frames a second."""
    gap = np.full(frames, size)
    gap[list(shut)] = 0.1 * size
    return Track({"lip_gap": gap}, 25.0, words)


def test_closures_are_right_and_found_within_60_ms():
    captured, shown = lips(10, 11, 40, 70), lips(12, 41, 50, 51, 99, size=0.5)  # of another size
    spoken = np.arange(100) < 90
    scores = score_closures([captured], [shown], [spoken])
    assert scores["closure_precision"] == pytest.approx(2 / 3)  # 12 and 41 of 12, 41, 50-51; 99 is not spoken
    assert scores["closure_recall"] == pytest.approx(2 / 3)  # 10-11 and 40, not 70
    assert scores["shut_captured"] == pytest.approx(4 / 90) and scores["shut_share"] == pytest.approx(4 / 90)


def test_onsets_are_told_apart_by_their_words():
    words = (("sil", 0.0, 0.4), ("bin", 0.4, 0.8), ("red", 0.8, 1.2), ("four", 1.2, 1.6), ("set", 1.6, 2.0))
    captured, shown = lips(10, 20, words=words), lips(10, 20, 30, 40)
    scores = score_closures([captured], [shown], [np.ones(100, bool)])
    assert scores["other_onsets_shut"] == 1.0  # set; at red the captured lips are shut, too
    assert (scores["labiodental_shut"], scores["labiodental_captured"]) == (1.0, 0.0)
    apart = score_closures([captured], [lips(10, 20)], [np.ones(100, bool)])
    assert (apart["other_onsets_shut"], apart["labiodental_shut"]) == (0.0, 0.0)


def test_what_does_not_occur_is_left_out():
    assert score_closures([lips()], [lips()], [np.zeros(100, bool)]) == {}


def wave(seed: int, frames: int = 80) -> np.ndarray:
    x = np.convolve(np.random.default_rng(seed).standard_normal(frames + 8), np.hanning(9), "valid")
    return 0.2 * (x - x.min()) / np.ptp(x)


@pytest.fixture
def voices(tmp_path):
    for name, speaker, kind in (
        ("a1", "ann", "studio"),
        ("a2", "ann", "studio"),
        ("b", "bob", "studio"),
        ("c", "cy", "web"),
    ):
        write_voice(tmp_path / "v", name, speaker, wave(ord(name[-1])), kind)
    return read_voices(tmp_path / "v")


def test_kinds_of_recordings(voices):
    assert by_kind(voices) == {"v studio": [0, 1, 2], "v web": [3]}


def test_a_late_motion_is_compared_at_its_lag(voices):
    own = captured_track(voices[0])
    late = Track({name: np.concatenate([x[:1], x[:1], x[:-2]]) for name, x in own.channels.items()}, own.fps)
    scores = score_clip(voices[0], late)
    assert scores["lag_ms"] == 80 and scores["lip_gap_r"] > 0.99


def test_speakers_count_alike(voices):
    """Two recordings of one speaker are followed, the one of the other is not: quartiles lie between the speakers."""
    chosen = voices[:3]
    tracks = [captured_track(c) for c in chosen]
    tracks[2] = Track({**tracks[2].channels, "lip_gap": -tracks[2].channels["lip_gap"] + 0.2}, 25.0)
    spoken = [np.ones(80, bool)] * 3
    scores = score_speakers(chosen, tracks, spoken)
    assert scores["lip_gap_r"] == pytest.approx(1)  # median over recordings
    other = score_clip(chosen[2], tracks[2])["lip_gap_r"]
    assert scores["lip_gap_r_q1"] == pytest.approx(0.75 * other + 0.25) and other < 0.8
    assert scores["lip_gap_r_q3"] == pytest.approx(0.25 * other + 0.75)
    assert scores["jitter_ratio"] == pytest.approx(1) and 0 < scores["closure_precision"] <= 1


def test_speech_is_loud_and_seen(tmp_path):
    (clip,) = read_voices(write_voice(tmp_path, "a", "ann", wave(0, 10), unseen=(2,)))
    level = np.array([-60, -30, -30, -30, -49, -51, -30, -30, -30, -30.0])
    assert speech_of(level, clip).tolist() == [False, True, False, True, True, False, True, True, True, True]
