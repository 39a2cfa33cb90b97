"""Published layouts of the corpora in small, and the corpora themselves where they are."""

import csv
import os
from pathlib import Path

import pytest

from sedtalker_cli.data.corpora import (
    apply_splits,
    corpus_reader,
    read_corpus,
    read_splits,
)
from tests.data.corpora.trees import build, facts

DATA = Path(os.environ.get("SEDTALKER_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))

MANIFEST = DATA / "speech" / "manifest.csv"

HERE = ["ravdess", "emodb", "nemo", "emotale", "tess", "ased", "urdu", "speechocean762", "librispeech"]
HERE += ["baved", "nonverbal"]


@pytest.mark.skipif(not MANIFEST.is_file(), reason="no speech data (set SEDTALKER_DATA)")
@pytest.mark.parametrize("name", HERE)
def test_reader_agrees_with_manifest(name):
    with MANIFEST.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file) if row["corpus"] == name}
    reading = read_corpus(name, DATA / "speech" / name)
    assert not reading.skipped and not reading.dropped
    found = {u.path.relative_to(DATA / "speech").as_posix(): u for u in reading}
    assert set(found) == set(rows)
    for path, row in rows.items():
        u = found[path]
        assert (u.speaker, u.language) == (row["speaker"], row["lang"]), path
        # The manifest leaves a vocal sound without emotion unlabelled, the reader calls noises of the body neutral.
        assert ("" if u.emotion is None or not u.speech else u.emotion) == row["emotion"], path
        assert (u.strength or "") == row["intensity"], path
        if name != "speechocean762":  # its spk2gender is not here
            assert (u.gender or "") == row["gender"], path
        if name == "ased":  # the manifest has a placeholder where the text is not known
            assert (u.text, f"sent{u.sentence}") == (None, row["text"]), path
        else:
            assert (u.text or "") == row["text"], path
        if name == "emotale":
            arousal = float(dict(item.split("=") for item in row["extra"].split(";"))["A"])
            assert 1 + 4 * u.arousal == pytest.approx(arousal, abs=0.0051), path
        if name == "nonverbal":
            assert f"class={u.sound} " in row["extra"], path
        if name == "baved":
            assert row["extra"].startswith(f"word={u.sentence} "), path
    assert {label for u in reading for label in u.accepted} == set(corpus_reader(name).classes)


@pytest.mark.skipif(not MANIFEST.is_file(), reason="no speech data (set SEDTALKER_DATA)")
def test_manifest_splits_reach_every_utterance_and_keep_speakers_apart():
    splits = read_splits(MANIFEST)
    parts = {}
    for name in HERE:
        utterances = apply_splits(read_corpus(name, DATA / "speech" / name), splits)
        assert all(u.split for u in utterances)
        for u in utterances:
            parts.setdefault((name, u.speaker), set()).add(u.split)
    assert all(len(part) == 1 for part in parts.values())
    assert {next(iter(part)) for (name, _), part in parts.items() if name == "urdu"} == {"test"}


def test_ravdess(tmp_path):
    build(
        tmp_path,
        "Actor_01/03-01-05-02-02-01-01.wav",
        "Actor_02/03-01-02-02-01-01-02.wav",
        "Actor_02/03-01-01-01-01-01-02.wav",
        "Actor_02/03-02-03-01-01-01-02.wav",  # song
        "audio_speech_actors_01-24/Actor_01/03-01-05-02-02-01-01.wav",  # a nested copy
        "Actor_02/03-01-09-01-01-01-02.wav",  # no such emotion
        "Actor_02/notes.wav",
        "Actor_02/._03-01-01-01-01-02-02.wav",
    )
    (tmp_path / "Actor_01/03-01-05-02-02-02-01.wav").write_bytes(b"")
    reading = read_corpus("ravdess", tmp_path)
    assert facts(reading, "speaker", "emotion", "intensity", "strength", "gender", "text") == {
        "Actor_01/03-01-05-02-02-01-01.wav": (
            "01",
            "angry",
            1.0,
            "strong",
            "m",
            "Dogs are sitting by the door",
        ),
        "Actor_02/03-01-01-01-01-01-02.wav": (
            "02",
            "neutral",
            0.0,
            "normal",
            "f",
            "Kids are talking by the door",
        ),
        "Actor_02/03-01-02-02-01-01-02.wav": (
            "02",
            "calm",
            0.0,
            "strong",
            "f",
            "Kids are talking by the door",
        ),
    }
    assert reading.dropped == {"song": 1}
    assert {(s.path.relative_to(tmp_path).as_posix(), s.reason) for s in reading.skipped} == {
        ("Actor_01/03-01-05-02-02-02-01.wav", "empty file"),
        ("Actor_02/03-01-09-01-01-01-02.wav", "unknown label '09'"),
        ("Actor_02/notes.wav", "the name does not follow the corpus's scheme"),
        (
            "audio_speech_actors_01-24/Actor_01/03-01-05-02-02-01-01.wav",
            "same recording as Actor_01/03-01-05-02-02-01-01.wav",
        ),
    }
    assert reading.summary() == "ravdess: 3 utterances, 2 speakers, 4 skipped, 1 dropped (song 1)"


@pytest.mark.parametrize("suffix", [".wav", ".WAV", ".flac", ".ogg", ".mp3", ".opus"])
def test_any_sound_format(tmp_path, suffix):
    build(tmp_path, f"wav/03a01Fa{suffix}", "wav/03a01Fa.lab")
    assert [(u.emotion, u.text) for u in read_corpus("emodb", tmp_path)] == [
        ("happy", "Der Lappen liegt auf dem Eisschrank.")
    ]


def test_baved_grades_intensity_and_tells_no_emotion(tmp_path):
    build(tmp_path, "0/12-m-20-0-0-33.wav", "3/12-m-20-3-1-34.wav", "3/7-F-31-3-2-5.wav", "3/7-F-31-3-3-6.wav")
    reading = read_corpus("baved", tmp_path)
    assert facts(reading, "speaker", "gender", "emotion", "label", "accepted", "strength", "intensity", "sentence") == {
        "0/12-m-20-0-0-33.wav": ("12", "m", None, None, (), "low", 0.0, "0"),
        "3/12-m-20-3-1-34.wav": ("12", "m", None, None, (), "normal", 0.5, "3"),
        "3/7-F-31-3-2-5.wav": ("7", "f", None, None, (), "high", 1.0, "3"),
    }
    assert [s.path.name for s in reading.skipped] == ["7-F-31-3-3-6.wav"]  # there is no level 3
    assert corpus_reader("baved").classes == ()


def test_nonverbal_sounds(tmp_path):
    name = "A1B2_12_7_0_33_0_0_0.wav"
    kinds = ("laughing", "crying", "screaming", "sighing", "moaning", "sneezing", "lip-smacking", "singing")
    build(tmp_path, *(f"{kind}/{name.replace('A1', kind[:2])}" for kind in kinds), "laughing/C3_12_7_1_33_0_0_0.wav")
    reading = read_corpus("nonverbal", tmp_path)
    assert {u.sound: (u.emotion, u.accepted, u.speech) for u in reading} == {
        "laughing": ("happy", ("happy",), True),
        "crying": ("sad", ("sad",), True),
        "screaming": (None, ("angry", "fear", "surprise"), True),
        "sighing": (None, (), True),
        "moaning": (None, (), True),
        "sneezing": ("neutral", ("neutral",), False),
        "lip-smacking": ("neutral", ("neutral",), False),
    }
    assert {u.speaker: u.gender for u in reading if u.sound == "laughing"} == {"laB2": "f", "C3": "m"}
    assert [s.reason for s in reading.skipped] == ["unknown label 'singing'"]


def test_tess_original_names(tmp_path):
    build(
        tmp_path,
        "OAF_Pleasant_surprise/OAF_back_ps.wav",
        "OAF_neutral/OA_bite_neutral.wav",
        "YAF_sad/YAF_hash_sad.wav",
    )
    assert facts(read_corpus("tess", tmp_path), "speaker", "emotion", "text") == {
        "OAF_Pleasant_surprise/OAF_back_ps.wav": ("O", "surprise", "Say the word back"),
        "OAF_neutral/OA_bite_neutral.wav": ("O", "neutral", "Say the word bite"),
        "YAF_sad/YAF_hash_sad.wav": ("Y", "sad", "Say the word hash"),
    }


def test_ased_folder_and_name_must_agree(tmp_path):
    build(tmp_path, "05Angry/a5-01-01-02-10.wav", "05Angry/s4-01-01-01-10.wav")
    reading = read_corpus("ased", tmp_path)
    assert [(u.speaker, u.emotion, u.gender) for u in reading] == [("10", "angry", "m")]
    assert reading.skipped[0].reason == "the name says sad, the folder 05Angry"


def test_speechocean_and_librispeech_tables(tmp_path):
    ocean = build(
        tmp_path / "ocean",
        "WAVE/SPEAKER0001/000010011.WAV",
        tables={"train/text": "000010011\tWE CALL IT BEAR\n", "train/spk2gender": "0001 f\n"},
    )
    assert [(u.speaker, u.emotion, u.gender, u.text) for u in read_corpus("speechocean762", ocean)] == [
        ("0001", "neutral", "f", "WE CALL IT BEAR")
    ]
    libri = build(
        tmp_path / "LibriSpeech",
        "dev-clean/84/121123/84-121123-0000.flac",
        tables={
            "dev-clean/84/121123/84-121123.trans.txt": "84-121123-0000 GO DO YOU HEAR\n",
            "SPEAKERS.TXT": "; ID |SEX| SUBSET |MINUTES| NAME\n84   | F | dev-clean |  8.02 | A Reader\n",
        },
    )
    expected = [("84", "neutral", "f", "GO DO YOU HEAR")]
    for root in (libri, libri / "dev-clean"):
        assert [(u.speaker, u.emotion, u.gender, u.text) for u in read_corpus("librispeech", root)] == expected


def test_crema_d(tmp_path):
    build(
        tmp_path,
        "AudioWAV/1001_DFA_ANG_XX.wav",
        "AudioWAV/1001_IEO_FEA_LO.wav",
        "AudioWAV/1002_IEO_SAD_HI.wav",
        "AudioWAV/1040_ITH_SAD_X.wav",
        "AudioWAV/1002_TAI_NEU_XX.wav",
        "AudioMP3/1002_IEO_SAD_HI.mp3",
        tables={"VideoDemographics.csv": "ActorID,Age,Sex,Race\n1001,51,Male,Caucasian\n1002,21,Female,Asian\n"},
    )
    reading = read_corpus("crema-d", tmp_path)
    by_stem = {u.path.stem: (u.speaker, u.emotion, u.intensity, u.strength, u.gender) for u in reading}
    assert by_stem == {
        "1001_DFA_ANG_XX": ("1001", "angry", None, None, "m"),
        "1001_IEO_FEA_LO": ("1001", "fear", pytest.approx(1 / 3), "low", "m"),
        "1002_IEO_SAD_HI": ("1002", "sad", 1.0, "high", "f"),
        "1040_ITH_SAD_X": ("1040", "sad", None, None, None),
        "1002_TAI_NEU_XX": ("1002", "neutral", 0.0, None, "f"),
    }
    assert len(reading.skipped) == 1  # the same recording as mp3 and wav
    assert "surprise" not in corpus_reader("crema-d").classes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_esd(tmp_path, encoding):
    build(
        tmp_path,
        "0001/Surprise/0001_001401.wav",
        "0011/Angry/train/0011_000351.wav",
        "0011/0011_000001.wav",
        tables={
            "0001/0001.txt": "0001_001401\t打远一看，它们的确很是美丽，\t惊喜\n".encode(encoding),
            "0011/0011.txt": "0011_000351\tThe nine the eggs, I keep.\tAngry\n",
        },
    )
    reading = read_corpus("esd", tmp_path)
    assert facts(reading, "speaker", "emotion", "language", "gender", "text", "sentence") == {
        "0001/Surprise/0001_001401.wav": ("0001", "surprise", "zh", "f", "打远一看，它们的确很是美丽，", "1"),
        "0011/Angry/train/0011_000351.wav": ("0011", "angry", "en", "m", "The nine the eggs, I keep.", "1"),
    }
    assert [s.reason for s in reading.skipped] == ["not in the folder of one emotion"]


def test_emov_db_in_both_packings(tmp_path):
    build(
        tmp_path,
        "bea_Amused/amused_1-15_0001.wav",
        "sam/Angry/anger_1-28_0002.wav",
        "josh_Sleepy/sleepiness_1-28_0001.wav",
        "unknown/neutral_1-28_0001.wav",
        tables={"cmuarctic.data": '( arctic_a0001 "Author of the danger trail, etc." )\n( arctic_b0001 "Gad." )\n'},
    )
    reading = read_corpus("emov-db", tmp_path)
    assert facts(reading, "speaker", "emotion", "gender", "text") == {
        "bea_Amused/amused_1-15_0001.wav": ("bea", "happy", "f", "Author of the danger trail, etc."),
        "sam/Angry/anger_1-28_0002.wav": ("sam", "angry", "m", None),
    }
    assert reading.dropped == {"sleepiness": 1}
    assert [s.path.parent.name for s in reading.skipped] == ["unknown"]
    # One speaker's folder alone is enough to know the speaker.
    assert read_corpus("emov-db", tmp_path / "bea_Amused")[0].speaker == "bea"


def test_jl_corpus(tmp_path):
    folder = "Raw JL corpus (unchecked and unannotated)/JL(wav+txt)"
    build(
        tmp_path,
        f"{folder}/female1_excited_10a_1.wav",
        f"{folder}/male2_anxious_1b_2.wav",
        tables={f"{folder}/female1_excited_10a_1.txt": "Carl leaps into a jeep.\r\n"},
    )
    reading = read_corpus("JL_Corpus", tmp_path)
    assert [(u.speaker, u.emotion, u.gender, u.text, u.sentence) for u in reading] == [
        ("female1", "happy", "f", "Carl leaps into a jeep.", "10a")
    ]
    assert reading.dropped == {"anxious": 1}


def test_savee_in_both_packings(tmp_path):
    build(tmp_path, "AudioData/DC/sa01.wav", "AudioData/JE/a15.wav", "ALL/KL_su02.wav", "AudioData/XX/a01.wav")
    reading = read_corpus("savee", tmp_path)
    assert facts(reading, "speaker", "emotion", "gender") == {
        "ALL/KL_su02.wav": ("KL", "surprise", "m"),
        "AudioData/DC/sa01.wav": ("DC", "sad", "m"),
        "AudioData/JE/a15.wav": ("JE", "angry", "m"),
    }
    assert len(reading.skipped) == 1
