"""Small waveforms and levels, with results that are solved by hand."""

import numpy as np
import pytest

from sedtalker_cli.audio.loudness import LevelMeter, SoundFacts, SoundMeter, describe_sound, speech_level
from sedtalker_cli.audio.mixing import ChannelMeter
from sedtalker_cli.audio.muting import keep_spans
from sedtalker_cli.audio.vad import _bridged, _runs, _threshold, frame_levels, speech_activity, speech_bounds


def kept(spans, lengths=(100, 300, 60, 440)) -> np.ndarray:
    """Ones (900,) of which spans are kept; in blocks."""
    pieces = list(keep_spans([np.full(n, 2, np.float32) for n in lengths], spans))
    assert [len(piece) for piece in pieces] == list(lengths) and {piece.dtype for piece in pieces} == {np.dtype("f4")}
    return np.concatenate(pieces) / 2


def test_sound_outside_spans_is_silent():
    """Samples 160 to 480, with fades of 160 samples within: sample k of a fade has a gain of (k + 0.5) / 160."""
    gain = kept([(0.01, 0.03)])
    fade = (np.arange(160) + 0.5) / 160
    np.testing.assert_allclose(gain[:480], np.concatenate([np.zeros(160), fade, fade[::-1]]), atol=1e-5)
    assert not gain[480:].any()
    np.testing.assert_allclose(gain, kept([(0.01, 0.03)], (900,)), atol=1e-6)


def test_spans_that_overlap_touch_or_reach_beyond_are_joined():
    for spans in ([(0.02, 0.05), (0.01, 0.03)], [(0.01, 0.03), (0.03, 0.05)], [(0.01, 0.05), (0.02, 0.03)]):
        gain = kept(spans)
        np.testing.assert_allclose(gain[320:640], 1)
        assert gain[640] == pytest.approx(159.5 / 160, abs=1e-5) and not gain[800:].any()
    apart = kept([(0.01, 0.02), (0.03, 0.04)])
    assert not apart[320:480].any() and apart[[240, 560]] == pytest.approx(79.5 / 160, abs=1e-5)
    whole = kept([(-1, 9)])
    np.testing.assert_allclose(whole, 1)
    assert not kept([]).any() and not kept([(2, 3)]).any()


def meter_of(block, rate=4) -> ChannelMeter:
    block = np.asarray(block, np.float32)
    meter = ChannelMeter(block.shape[1], rate)
    np.testing.assert_allclose(meter(block), block.mean(1))
    return meter


def test_powers_of_channels():
    meter = meter_of([[1, -3], [0, 2]])
    assert (meter.peak, meter.samples) == (3, 4) and meter.rms == pytest.approx(3.5**0.5)
    alone = meter_of([[0.5], [-0.5], [-0.75], [0]])
    assert alone.peak == 0.75 and alone.rms == pytest.approx((1.0625 / 4) ** 0.5) and alone.better_channel() is None
    assert ChannelMeter(2, 4).rms == 0


@pytest.mark.parametrize(
    ("seconds", "better"),
    [
        ([[1, -1]], 0),
        ([[1, -2]], None),  # a fifth of the power that unrelated channels keep
        ([[1, -1.2]], 1),
        ([[1, -1], [1, 1], [1, 1], [1, 1]], 0),  # a quarter cancels out
        ([[1, -1], [1, 1], [1, 1], [1, 1], [1, 1]], None),  # a fifth
        ([[1, -1], [1, -1], *[[1, 1]] * 6], 0),
        ([[1, 0], [0, 1]], None),
        ([[1, -1, 0.5]], None),  # of three channels unrelated ones keep a ninth
        ([[1, -1, 0.4]], 0),
        ([[0, 0]], None),
    ],
)
def test_the_louder_channel_where_more_than_a_fifth_cancels_out(seconds, better):
    """Seconds of four samples, all alike; in blocks of any length."""
    block = np.repeat(np.asarray(seconds, np.float32), 4, axis=0)
    assert meter_of(block).better_channel() == better
    pieces = ChannelMeter(block.shape[1], 4)
    for start in range(0, len(block), 2):
        pieces(block[start : start + 2])
    pieces(block[:0])
    assert pieces.samples == block.size and pieces.rms == pytest.approx(float(np.sqrt(np.mean(block**2))))
    assert pieces.better_channel() == better


def test_a_second_that_is_not_full_counts():
    assert meter_of([*[[1, 1]] * 4, *[[1, -1]] * 2]).better_channel() == 0


def test_the_level_of_what_is_to_be_heard():
    assert speech_level(np.full(18, -20.0)) == -20
    assert speech_level(np.array([-30.0, -20.0])) == pytest.approx(-20.5)  # too short for a median: 95 % of the way
    assert speech_level(np.r_[np.full(90, -40.0), 0.0]) == -40  # a click
    assert speech_level(np.r_[np.full(9, -40.0), np.full(9000, -75.0)]) == -40
    assert speech_level(np.r_[np.full(9, -40.0), np.full(9000, -74.0)]) == -74


def test_facts_about_samples():
    meter = SoundMeter()
    assert meter.facts() == SoundFacts(0.0, 0.0, -100.0, 0.0)
    for block in ([0.99, -1.0], [], [0.5, 0.25]):
        meter(np.array(block, np.float32))
    facts = meter.facts()
    assert (facts.peak, facts.clipped) == (1.0, 0.5) and facts.offset == pytest.approx(0.185, abs=1e-6)
    assert facts.level == pytest.approx(10 * np.log10(2.2926 / 4), abs=1e-4)


def test_notes_on_levels():
    assert describe_sound(SoundFacts(1, 1e-3, -60.0)) == []
    assert describe_sound(SoundFacts(1, 0.0996, -60.6)) == ["clipped (10.0 % of the samples)", "very quiet (-61 dB)"]


def test_thresholds_and_gaps_of_speech():
    assert _threshold(-60, -20, 0.5, (25, 12)) == -40
    assert _threshold(-100, -20, 0.5, (25, 12)) == -45 and _threshold(-30, -20, 0.5, (25, 12)) == -32
    flags = np.array([0, 1, 0, 1, 0, 0, 1, 0], bool)
    assert _runs(flags) == [(1, 2), (3, 4), (6, 7)] and _runs(~flags)[0] == (0, 1)
    assert _bridged(flags, 2).tolist() == [0, 1, 1, 1, 0, 0, 1, 0]
    assert _bridged(flags, 3).tolist() == [0, 1, 1, 1, 1, 1, 1, 0]
    assert flags.tolist() == [0, 1, 0, 1, 0, 0, 1, 0]


def test_levels_of_frames():
    """A tone of amplitude .1: a Hann window of N samples leaves N / 4 in its bin and half of that on both sides."""

    def level(frequency):
        return float(frame_levels((0.1 * np.sin(2 * np.pi * frequency * np.arange(320) / 16000)).astype(np.float32))[0])

    power = 1.5 * (0.1 * 320 / 4) ** 2 / 320
    assert level(1000) == pytest.approx(10 * np.log10(power / 2), abs=0.1)  # the root of 1/4
    assert level(6000) == pytest.approx(10 * np.log10(power), abs=0.1)
    assert level(50) == pytest.approx(10 * np.log10(power / 6 * (100 / 4000) ** 0.5), abs=0.5)  # what leaks to 100 Hz
    assert frame_levels(np.zeros(700, np.float32)).tolist() == [-120.0] * 3
    meter = LevelMeter()
    meter(np.r_[np.zeros(320), np.full(480, 0.1)].astype(np.float32))
    assert meter.levels() == pytest.approx([-100, -20, -20], abs=1e-4)


def bursts(*frames: tuple[int, int]) -> np.ndarray:
    """Two seconds of a room's tone at -60 dB with loud stretches of frames."""
    gain = np.full(100, 1e-3)
    for start, stop in frames:
        gain[start:stop] = 0.3
    return (np.repeat(gain, 320) * np.sin(2 * np.pi * 1000 * np.arange(32000) / 16000)).astype(np.float32)


@pytest.mark.parametrize(
    ("loud", "speech"),
    [
        ([(20, 23), (50, 52), (70, 76)], [(18, 25), (68, 78)]),  # two frames are a click; two are kept on each side
        ([(20, 26), (42, 48)], [(18, 50)]),  # 12 frames between: a pause within speech
        ([(20, 26), (44, 50)], [(18, 52)]),  # 14
        ([(20, 26), (45, 51)], [(18, 28), (43, 53)]),  # 15
        ([(0, 4), (97, 100)], [(0, 6), (95, 100)]),
    ],
)
def test_frames_of_speech(loud, speech):
    wave = bursts(*loud)
    assert _runs(speech_activity(wave)) == speech
    assert speech_bounds(wave) == (speech[0][0] * 320, min(speech[-1][1] * 320, 32000))
