"""Single clips for the statistics networks: what is kept of them, and that they are encoded once."""

from dataclasses import fields

import numpy as np
import pytest
from torch.nn import functional as F

from sedtalker_cli.data.composites import loud_frames
from sedtalker_cli.data.recordings import MOST_READ, thinned
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.training.diarizer.clips import ClipSet, encode_clips
from tests.training.diarizer.encoders import Ears, clip, sound_of

CLIPS = [clip(n, "happy" if n % 2 else "neutral", speaker=str(n % 3)) for n in range(6)]


def same(first: ClipSet, second: ClipSet) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        for a, b in ((getattr(first, f.name), getattr(second, f.name)) for f in fields(ClipSet))
    )


@pytest.fixture
def found(tmp_path) -> ClipSet:
    return encode_clips(tmp_path / "cache", CLIPS, sound_of, Ears())


def test_wholes_hold_statistics_of_speech(found):
    """Of clips as recorded: mean and mean square of normalised features where it is loud."""
    rows = np.flatnonzero(found.whole & (found.copy == 0))
    assert found.path[rows].tolist() == [c.path.name for c in CLIPS]
    for row, one in zip(rows, CLIPS, strict=True):
        waveform = sound_of(one)
        features = Ears().encode([waveform])
        x = F.layer_norm(features, (4,)).flatten(1).numpy()[loud_frames(waveform)]
        assert 30 < len(x) < 45 == len(features) - 5  # the pause is left out
        assert found.frames[row] == len(x)
        np.testing.assert_allclose(found.mean[row], x.mean(0), atol=2e-3)
        np.testing.assert_allclose(found.square[row], (x**2).mean(0), atol=4e-3)
        assert found.speaker[row] == f"ravdess/{one.speaker}" and found.corpus[row] == "ravdess"
        assert [EMOTIONS[k] for k in found.accepted[row].nonzero()[0]] == [one.label]
        assert found.known[row].all()
        assert found.intensity[row] == 0 if one.label == "neutral" else np.isnan(found.intensity[row])


def test_copies_and_parts(found):
    assert set(found.copy.tolist()) == {0, 1}
    for copy in (0, 1):
        assert np.count_nonzero(found.whole & (found.copy == copy)) == len(CLIPS)
    parts = ~found.whole
    assert parts.any() and (found.frames[parts] < 90).all() and (found.frames[parts] >= 25).all()
    worn, plain = (found.mean[found.whole & (found.copy == copy)].astype(float) for copy in (1, 0))
    assert np.abs(worn - plain).max(1).min() > 1e-3  # all changed
    assert len(found.sample) == 2 * 4 * len(CLIPS) == len(found.sample_speech) == len(found.sample_speaker)
    assert 0 < found.sample_speech.mean() < 1


def test_clips_of_some_speakers(found):
    some = found.of(["ravdess/1", "ravdess/9"])
    assert set(some.speaker) == set(some.sample_speaker) == {"ravdess/1"}
    assert len(some) == np.count_nonzero(found.speaker == "ravdess/1") and len(some.sample) == 16
    assert len(found.of([])) == 0


def test_the_second_call_reads_what_the_first_wrote(tmp_path):
    ears, told = Ears(), []
    first = encode_clips(tmp_path, CLIPS, sound_of, ears, progress=lambda *what: told.append(what))
    assert ears.heard == 12 and told[-1] == ("encoding clips", 12, 12)
    assert same(first, encode_clips(tmp_path, CLIPS, sound_of, ears)) and ears.heard == 12
    # Other clips, seeds, encoders and copies are not taken for them.
    encode_clips(tmp_path, CLIPS[:5], sound_of, ears, copies=0)
    assert ears.heard == 17
    other = encode_clips(tmp_path, CLIPS, sound_of, ears, seed=1)
    assert ears.heard == 29 and not same(first, other)
    encode_clips(tmp_path, CLIPS, sound_of, ears, copies=2)
    assert ears.heard == 35  # the third copy alone
    stranger = Ears()
    stranger.sha256 = "stranger"
    encode_clips(tmp_path, CLIPS, sound_of, stranger)
    assert stranger.heard == 12


def test_an_interrupted_cache_is_whole_afterwards(tmp_path):
    class Killed(Exception):
        pass

    def kill(stage, done, total):
        if done == 9:
            raise Killed

    ears = Ears()
    with pytest.raises(Killed):
        encode_clips(tmp_path / "a", CLIPS, sound_of, ears, progress=kill)
    again = encode_clips(tmp_path / "a", CLIPS, sound_of, ears)
    assert ears.heard == 9 + 6  # as recorded they were done
    assert same(again, encode_clips(tmp_path / "b", CLIPS, sound_of, Ears()))


def test_marked_spans_are_stretches_of_their_own(tmp_path):
    one = clip(3, None, corpus="zed", segments=((0.0, 0.4, "angry"),))
    found = encode_clips(tmp_path, [one], sound_of, Ears())
    rows = np.flatnonzero(found.whole)
    labels = {EMOTIONS[k] for row in rows for k in found.accepted[row].nonzero()[0]}
    assert labels == {"angry", "neutral"} and len(rows) == 4  # twice, as the copy keeps its times


def test_sounds_that_are_no_speech_teach_that(tmp_path):
    found = encode_clips(
        tmp_path, [clip(1, None, corpus="nonverbal", sound="coughing", speech=False), clip(2)], sound_of, Ears()
    )
    assert not found.sample_speech[np.char.startswith(found.sample_speaker, "nonverbal")].any()
    assert found.sample_speech.any()


def test_a_corpus_of_silence_has_no_rows(tmp_path):
    def load(utterance):
        return sound_of(utterance) * (utterance.corpus != "emodb")

    found = encode_clips(tmp_path, [clip(1, corpus="emodb"), clip(2)], load, Ears())
    assert set(found.corpus) == {"ravdess"} and "emodb/1" in found.sample_speaker


def test_speakers_are_thinned_to_the_same_clips():
    many = [clip(n, speaker=str(n % 2)) for n in range(40)]
    kept = thinned(many, 5)
    assert sorted(u.speaker for u in kept) == ["0"] * 5 + ["1"] * 5
    other = clip(99, speaker="9")
    assert {u.path for u in thinned([*many[::-1], other], 5)} == {u.path for u in [*kept, other]}
    alone = thinned([u for u in many if u.speaker == "1"], 5)
    assert alone == [u for u in kept if u.speaker == "1"]
    read = thinned([clip(n, "neutral", corpus="librispeech") for n in range(5)], 5)
    assert len(read) == MOST_READ
