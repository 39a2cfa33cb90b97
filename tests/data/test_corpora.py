"""Corpus readers: published layouts rebuilt in small, and agreement with the manifest where there is data."""

import csv
import json
import os
from pathlib import Path

import pytest

from sedtalker_cli.data.corpora import (
    CLASS_OF_EMOTION,
    UNIFIED_EMOTIONS,
    Utterance,
    apply_splits,
    assign_splits,
    corpus_names,
    corpus_reader,
    parse_corpus,
    read_corpus,
    read_splits,
)
from sedtalker_cli.emotion.timeline import EMOTIONS
from sedtalker_cli.errors import InputError, UsageError

DATA = Path(os.environ.get("SEDTALKER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
MANIFEST = DATA / "speech" / "manifest.csv"
HERE = ["ravdess", "emodb", "nemo", "emotale", "tess", "ased", "urdu", "speechocean762", "librispeech"]
HERE += ["baved", "nonverbal"]


def build(root, *paths, tables=None):
    """Write non-empty files (their sound is never opened) and text tables below a folder."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"sound")
    for path, text in (tables or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def facts(reading, *names):
    return {u.path.relative_to(reading.root).as_posix(): tuple(getattr(u, n) for n in names) for u in reading}


# --- the corpora that lie here


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


# --- published layouts in small


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


IEMOCAP_LABELS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\texc\t[4.0000, 5.0000, 3.5000]
[14.8872 - 18.0175]\tSes01F_impro01_F001\txxx\t[2.5000, 3.0000, 2.5000]
"""


def test_iemocap(tmp_path):
    wav = "Session1/sentences/wav/Ses01F_impro01"
    build(
        tmp_path,
        f"{wav}/Ses01F_impro01_F000.wav",
        f"{wav}/Ses01F_impro01_M000.wav",
        f"{wav}/Ses01F_impro01_F001.wav",
        f"{wav}/Ses01F_impro01_F999.wav",
        tables={
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": IEMOCAP_LABELS,
            "Session1/dialog/transcriptions/Ses01F_impro01.txt": "Ses01F_impro01_F000 [06.2-08.2]: Sorry.\n",
        },
    )
    reading = read_corpus("iemocap", tmp_path)
    assert facts(reading, "speaker", "emotion", "arousal", "gender", "text") == {
        f"{wav}/Ses01F_impro01_F000.wav": ("Ses01F", "neutral", 0.375, "f", "Sorry."),
        f"{wav}/Ses01F_impro01_M000.wav": ("Ses01M", "happy", 1.0, "m", None),
    }
    assert reading.dropped == {"xxx": 1}
    assert [s.reason for s in reading.skipped] == ["no line in dialog/EmoEvaluation"]


def test_meld(tmp_path):
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,"
    header += "EndTime\n"
    time = '"00:16:16,059","00:16:21,731"'
    build(
        tmp_path,
        "train_splits/dia0_utt0.mp4",
        "output_repeated_splits_test/dia0_utt0.wav",
        "output_repeated_splits_test/final_videos_testdia0_utt0.mp4",
        "dev_splits_complete/dia7_utt7.wav",
        tables={
            "train_sent_emo.csv": header + f'1,"It\x92s true, so\x85 there",Chandler,anger,negative,0,0,8,21,{time}\n',
            "test_sent_emo.csv": header + f"1,Why do all you\x92re coffee mugs,Mark,joy,positive,0,0,3,19,{time}\n",
            "dev_sent_emo.csv": header,
        },
    )
    reading = read_corpus("meld", tmp_path)
    assert facts(reading, "speaker", "emotion", "gender", "text") == {
        "output_repeated_splits_test/dia0_utt0.wav": ("Mark", "happy", None, "Why do all you’re coffee mugs"),
        "train_splits/dia0_utt0.mp4": ("Chandler", "angry", "m", "It’s true, so… there"),
    }
    assert len(reading.skipped) == 2
    assert all(u.split is None for u in reading)  # the published parts share their speakers


def test_zed(tmp_path):
    entry = {"wav": "datafolder/wavs/spk1_1.wav", "duration": 5.0, "transcription": "Well."}
    build(
        tmp_path,
        "wavs/spk1_1.wav",
        "wavs/spk2_1.wav",
        "wavs/extra_1.wav",
        tables={
            "ZED.json": json.dumps(
                {
                    "spk1_1": entry | {"emotion": [{"emo": "angry", "start": 0.39, "end": 1.1}]},
                    "spk2_1": {"wav": "datafolder/wavs/spk2_1.wav", "emotion": [{"emo": "sad"}]},
                }
            )
        },
    )
    reading = read_corpus("zed", tmp_path)
    assert [(u.speaker, u.emotion, u.text, u.segments) for u in reading] == [
        ("spk1", "angry", "Well.", ((0.39, 1.1, "angry"),))
    ]
    assert sorted(s.path.name for s in reading.skipped) == ["extra_1.wav", "spk2_1.wav"]
    (tmp_path / "ZED.json").write_text("{")
    with pytest.raises(InputError, match="tables of corpus zed"):
        read_corpus("zed", tmp_path)


# --- registry


def test_labels_lead_to_the_seven_classes():
    assert set(CLASS_OF_EMOTION) == set(UNIFIED_EMOTIONS)
    assert set(CLASS_OF_EMOTION.values()) == set(EMOTIONS)
    assert len(corpus_names()) == 19
    for name in corpus_names():
        reader = corpus_reader(name)
        told = {emotion for label in reader.labels if reader.labels[label] for emotion in reader.emotions_of(label)}
        assert told <= set(UNIFIED_EMOTIONS)
        assert reader.classes == tuple(sorted(reader.classes)) and ("neutral" in reader.classes or name == "baved")
    assert corpus_reader("emotale").classes == ("angry", "happy", "neutral", "sad")
    assert not corpus_reader("librispeech").annotated and corpus_reader("ravdess").annotated


def test_bad_input(tmp_path):
    assert parse_corpus("Crema_D=/data/a=b") == ("crema-d", Path("/data/a=b"))
    for spec in ("ravdess", "ravdess=", "nothing=/data"):
        with pytest.raises(UsageError):
            parse_corpus(spec)
    with pytest.raises(InputError, match="no such folder"):
        read_corpus("ravdess", tmp_path / "missing")
    build(tmp_path, "song.wav")
    with pytest.raises(InputError, match=r"expected like Actor_01/.*first problem: song\.wav"):
        read_corpus("ravdess", tmp_path)


# --- splits


def crowd(corpus, speakers, each=3):
    return [
        Utterance(Path(f"{corpus}/{s}_{k}.wav"), corpus, f"s{s}", "neutral")
        for s in range(speakers)
        for k in range(each)
    ]


@pytest.mark.parametrize("speakers, val, test", [(1, 0, 0), (2, 0, 0), (3, 1, 1), (10, 1, 1), (40, 4, 4)])
def test_assigned_splits_keep_speakers_whole(speakers, val, test):
    parts = {}
    for u in assign_splits(crowd("a", speakers), seed=3):
        parts.setdefault(u.speaker, set()).add(u.split)
    assert all(len(part) == 1 for part in parts.values())
    counts = [next(iter(part)) for part in parts.values()]
    assert (counts.count("val"), counts.count("test")) == (val, test)


def test_assigned_splits_depend_on_nothing_but_seed_and_names():
    together = {u.path: u.split for u in assign_splits(crowd("b", 30) + crowd("a", 20), seed=1)}
    alone = {u.path: u.split for u in assign_splits(crowd("a", 20)[::-1], seed=1)}
    assert all(together[path] == split for path, split in alone.items())
    other = {u.path: u.split for u in assign_splits(crowd("a", 20), seed=2)}
    assert other != alone
    for shares in ({"val": 0.1, "test": 0.8}, {"val": 0.8, "test": 0.1}):
        assert {u.split for u in assign_splits(crowd("a", 3), **shares)} == {"train", "val", "test"}
    with pytest.raises(InputError):
        assign_splits(crowd("a", 3), val=0.6, test=0.4)


def test_split_table_finds_files_in_any_place_and_format(tmp_path):
    table = tmp_path / "splits.csv"
    table.write_text("path,corpus,split\nesd/0011/Sad/0011_001051.ogg,esd,test\nesd/0012/Sad/0012_001051.ogg,esd,val\n")
    root = build(tmp_path / "elsewhere" / "ESD", *(f"{s}/Sad/{s}_001051.wav" for s in ("0011", "0012", "0013")))
    utterances = apply_splits(read_corpus("esd", root), read_splits(table))
    assert [u.split for u in utterances] == ["test", "val", None]


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,split\na,train\n", "columns path and split"),
        ("path,split\na,dev\n", "line 2: split 'dev'"),
        ("path,split\na.wav,val\na.ogg,test\n", "line 3: .* two splits"),
    ],
)
def test_broken_split_table(tmp_path, text, message):
    (tmp_path / "splits.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_splits(tmp_path / "splits.csv")
