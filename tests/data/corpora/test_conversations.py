"""Corpora of conversations, whose labels are in tables beside the sound."""

import json

import pytest

from sedtalker_cli.data.corpora import (
    read_corpus,
)
from sedtalker_cli.errors import InputError
from tests.data.corpora.trees import build, facts

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
