"""Any content of a file that users bring is read, or refused with one line; nothing hangs, crashes or is executed."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from sedtalker_cli.audio import load_audio
from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.face.custom import load_custom_head
from sedtalker_cli.formats.audacity import read_labels, write_labels
from sedtalker_cli.formats.emotion_csv import read_emotion_csv, write_emotion_csv
from sedtalker_cli.formats.emotion_json import read_emotion_json, write_emotion_json
from sedtalker_cli.formats.gltf import read_gltf
from sedtalker_cli.formats.live_link import read_live_link, write_live_link
from sedtalker_cli.formats.motion import read_array, read_frames, read_sidecar
from sedtalker_cli.formats.obj import read_obj
from sedtalker_cli.formats.phones import Phone, read_phones, write_phones
from sedtalker_cli.formats.rttm import read_rttm, write_rttm
from sedtalker_cli.formats.textgrid import read_textgrid, timeline_tiers, write_textgrid
from sedtalker_cli.formats.uem import read_uem, write_uem
from sedtalker_cli.inputs import collect_jobs
from sedtalker_cli.overrides import parse_override
from sedtalker_cli.spans import Span, parse_spans
from sedtalker_cli.timeline import EMOTIONS, EmotionTimeline
from tests.conftest import tone
from tests.fuzzing import damaged_bytes, damaged_json, damaged_text, fuzz, read_or_refuse

PIECE = 24  # frames


def a_timeline() -> EmotionTimeline:
    posteriors = np.random.default_rng(0).dirichlet(np.ones(7), 8)
    return EmotionTimeline.from_posteriors(EMOTIONS, posteriors, np.full(8, 0.5), 0.16)


def a_list(path: Path) -> None:
    path.write_text('path,speaker,emotion_override,identity\na.wav,anna,"0-1=happy:0.5",7\n"b c.wav",,sad,\n')


TEXTS = {
    "a.rttm": (read_rttm, lambda p: write_rttm(p, a_timeline().segments(), "a b")),
    "override.rttm": (parse_override_file := lambda p: parse_override(str(p), uri="a"), lambda p: write_rttm(p, a_timeline().segments(), "a")),
    "a.emotion.csv": (read_emotion_csv, lambda p: write_emotion_csv(p, a_timeline())),
    "override.csv": (parse_override_file, lambda p: write_emotion_csv(p, a_timeline())),
    "a.labels.txt": (read_labels, lambda p: write_labels(p, a_timeline().segments())),
    "a.TextGrid": (read_textgrid, lambda p: write_textgrid(p, timeline_tiers(a_timeline()), 0.16)),
    "a.uem": (read_uem, lambda p: write_uem(p, {"a": [(0, 1), (2, 3)], "b": [(0, 4)]})),
    "a.phones.csv": (read_phones, lambda p: write_phones(p, [Phone("p", 0, 0.1, 0.08, 1), Phone("a", 0.1, 0.3)])),
    "list.csv": (lambda p: collect_jobs([], accepts=lambda _: True, list_file=p), a_list),
    "list.txt": (lambda p: collect_jobs([], accepts=lambda _: True, list_file=p), a_list),
    "a.obj": (read_obj, lambda p: p.write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf -1/1/1 -2/2/2 -3//\n")),
}


@pytest.mark.parametrize("name", TEXTS)
@fuzz(60)
@given(data=st.data())
def test_text_files(tmp_path_factory, name, data):
    read, write = TEXTS[name]
    path = tmp_path_factory.mktemp("fuzz") / name
    write(path)
    content = path.read_text(encoding="utf-8")
    path.write_bytes(data.draw(damaged_text(content) | damaged_bytes(content.encode())))
    read_or_refuse(read, path)
