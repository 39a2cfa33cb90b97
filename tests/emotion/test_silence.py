"""What is said of emotion where nobody speaks."""

import numpy as np
import pytest

from sedtalker_cli.emotion.silence import fill_silence, voiced_frames

NEUTRAL, HAPPY, SAD = 0, 1, 2


def answers(*parts: tuple[int, int | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posteriors, intensity and speech of parts (frames, class); None is silence, in which nonsense is answered."""
    posteriors, intensity, speech = [], [], []
    for frames, label in parts:
        row = np.full(3, 0.05) if label is not None else np.array([0.0, 0.5, 0.5])
        if label is not None:
            row[label] = 0.9
        posteriors += [row] * frames
        intensity += [0.99 if label is None else 0.2 + 0.2 * label] * frames
        speech += [0.1 if label is None else 0.9] * frames
    return np.array(posteriors, np.float32), np.array(intensity, np.float32), np.array(speech, np.float32)


def test_speech_stays_as_it_was_answered():
    posteriors, intensity, speech = answers((20, HAPPY), (30, SAD))
    found, level = fill_silence(posteriors, intensity, speech, NEUTRAL)
    assert found.dtype == level.dtype == np.float32
    np.testing.assert_array_equal(found, posteriors)
    np.testing.assert_array_equal(level, intensity)


def test_a_pause_goes_from_the_speech_before_to_that_behind():
    posteriors, intensity, speech = answers((20, HAPPY), (49, None), (20, SAD))
    found, level = fill_silence(posteriors, intensity, speech, NEUTRAL)
    way = np.arange(1, 50) / 50
    np.testing.assert_allclose(found[20:69, HAPPY], 0.9 + way * (0.05 - 0.9), atol=1e-6)
    np.testing.assert_allclose(found[20:69, SAD], 0.05 + way * (0.9 - 0.05), atol=1e-6)
    np.testing.assert_allclose(found[20:69, NEUTRAL], 0.05, atol=1e-6)
    np.testing.assert_allclose(level[20:69], 0.4 + way * 0.2, atol=1e-6)
    np.testing.assert_allclose(found[:20], posteriors[:20])
    np.testing.assert_allclose(found[69:], posteriors[69:])


def test_short_silence_at_the_ends_takes_the_nearest_speech():
    found, level = fill_silence(*answers((100, None), (20, HAPPY), (100, None)), NEUTRAL)
    np.testing.assert_allclose(found, np.tile([0.05, 0.9, 0.05], (220, 1)), atol=1e-6)
    np.testing.assert_allclose(level, 0.4, atol=1e-6)


@pytest.mark.parametrize("place", ["before", "between", "behind"])
def test_long_silence_is_neutral_and_the_emotion_fades(place):
    silence, said = (101, None), (20, HAPPY)
    parts = {"before": (silence, said), "between": (said, silence, said), "behind": (said, silence)}[place]
    start = 0 if place == "before" else 20
    found, level = fill_silence(*answers(*parts), NEUTRAL)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    middle = slice(start + 15, start + 101 - 15)
    np.testing.assert_array_equal(found[middle], np.tile([1, 0, 0], (71, 1)))
    assert (level[middle] == 0).all()
    # 0.3 s of fade: a third of the way after 0.1 s, beside speech on either side and nowhere else.
    before, behind = start + 4, start + 101 - 5
    if place != "before":
        assert level[before] == pytest.approx(0.4 * 2 / 3, abs=1e-6)
        assert found[before, NEUTRAL] == pytest.approx(0.05 * 2 / 3 + 1 / 3, abs=1e-6)
    else:
        assert level[before] == 0
    assert level[behind] == (0 if place == "behind" else pytest.approx(0.4 * 2 / 3, abs=1e-6))


def test_a_recording_without_speech_is_neutral():
    for parts in ((), ((50, None),), ((2, HAPPY), (300, None), (2, SAD)), ((4, HAPPY), (10, None))):
        posteriors, intensity, speech = (x.reshape(-1, 3) if x.ndim > 1 else x for x in answers(*parts))
        found, level = fill_silence(posteriors.reshape(-1, 3), intensity, speech, NEUTRAL)
        assert found.shape == (len(speech), 3) and (found == [1, 0, 0]).all() and (level == 0).all()


def test_a_click_is_no_speech():
    """Two frames in long silence say nothing; three in a row do, beside a sentence."""
    for burst, heard in ((2, False), (3, True)):
        posteriors, intensity, speech = answers((20, HAPPY), (101, None), (burst, SAD), (101, None))
        assert voiced_frames(speech)[121:].any() == heard
        found, _ = fill_silence(posteriors, intensity, speech, NEUTRAL)
        assert found[121, SAD] == (pytest.approx(0.9) if heard else 0)


def test_what_was_answered_in_silence_does_not_matter():
    posteriors, intensity, speech = answers((20, HAPPY), (60, None), (20, SAD), (150, None))
    first = fill_silence(posteriors, intensity, speech, NEUTRAL)
    posteriors[speech < 0.5], intensity[speech < 0.5] = [0.3, 0.3, 0.4], 0.1
    for a, b in zip(first, fill_silence(posteriors, intensity, speech, NEUTRAL), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unknown_speech_is_no_reason_for_a_note():
    from sedtalker_cli.emotion.silence import NO_SPEECH, describe_speech

    assert describe_speech(None) == []
    assert describe_speech(np.full(100, 0.9)) == []
    assert describe_speech(np.full(100, 0.1)) == [NO_SPEECH]
