"""Captions: what files say, what is refused, and what is seen while one is on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sedtalker_cli.errors import InputError
from sedtalker_cli.formats.captions import Caption, read_captions
from sedtalker_cli.render.captions import Captioned
from sedtalker_cli.render.strip import strip_height
from tests.commands import call, made
from tests.conftest import write_sound
from tests.motions import write_talk
from tests.pictures import frames_of

SRT = """1
00:00:00,080 --> 00:00:00,200
<i>Hello</i> {\\an8}there,
world &amp; moon

2
00:01:02,500 --> 01:00:00,000  X1:40 X2:600
  2 < 3 > 1
"""
VTT = """WEBVTT - made by hand
Kind: captions

NOTE
nothing 00:01.000 --> 00:02.000

STYLE
::cue { color: red }

later
00:02.000 --> 00:03.000 line:0 align:start
<v Roger Bingham>We are <00:02.500><c.loud>in</c> New&nbsp;York

00:00:01.000 --> 00:00:02.500
First

00:05.000 --> 00:06.000
"""


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("change", [str, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n")])
def test_subrip(tmp_path, change):
    first, second = read_captions(write(tmp_path / "a.srt", change(SRT)))
    assert first == Caption(0.08, 0.2, "Hello there,\nworld & moon")
    assert second == Caption(62.5, 3600.0, "2 < 3 > 1")


def test_webvtt(tmp_path):
    captions = read_captions(write(tmp_path / "a.vtt", VTT))
    assert captions == [Caption(1.0, 2.5, "First"), Caption(2.0, 3.0, "We are in New\xa0York")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no caption"),
        ("WEBVTT\n\nNOTE x\n", "holds no caption"),
        ("1\n", ":2: is no caption: expected times"),
        ("1\n00:00:00,5 --> 00:00:01,000\nx", ":2: is no caption"),
        ("1\n00:00:01,000 -> 00:00:02,000\nx", ":2: is no caption"),
        ("1\n00:00:61,000 --> 00:01:02,000\nx", ":2: is no caption"),
        ("1\n00:00:02,000 --> 00:00:02,000\nx", ":2: caption ends at 2 s, not after its start 2 s"),
        ("hello\n\nworld", ":2: is no caption"),
    ],
)
def test_malformed_files_are_one_line(tmp_path, text, said):
    motion = write_talk(tmp_path / "in", frames=2)
    captions = write(tmp_path / "a.srt", text)
    result = call("render", motion, "--captions", captions, "-o", tmp_path / "x", expect=2)
    assert f"--captions {captions}" in result.stderr and said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and not (tmp_path / "x").exists()


LINE = st.sampled_from(
    ["1", "", "WEBVTT", "NOTE", "00:01.000 --> 00:02.000", "-->", "00:00:01,000 --> x", "a <b> &#1;"]
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.lists(st.one_of(LINE, st.text(max_size=12)), max_size=12)))
def test_anything_is_captions_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "a.srt"
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode("utf-8", "replace"))
    try:
        captions = read_captions(path)
    except InputError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    else:
        assert captions and all(caption.onset < caption.end and caption.text for caption in captions)


def test_pixels_change_only_while_a_caption_is_on(tmp_path):
    motion = write_talk(tmp_path / "in", emotions=True)  # 10 frames at 25 a second
    arguments = ("render", motion, "--png", "--size", "320x360")
    call(*arguments, "-o", tmp_path / "plain")
    call(*arguments, "-o", tmp_path / "said", "--captions", write(tmp_path / "a.srt", SRT))
    floor = 360 - strip_height(360)
    for k in range(10):
        plain, said = (
            np.asarray(Image.open(tmp_path / name / f"a.png/{k:06d}.png")).astype(int) for name in ("plain", "said")
        )
        changed = np.abs(plain - said).max(-1) > 0
        if 2 <= k < 5:  # 0.08 to 0.2 s
            rows = np.flatnonzero(changed.any(1))
            assert floor // 2 <= rows[0] and rows[-1] < floor
            assert (said[changed][:, :3].min(1) > 240).sum() > 40  # white letters
        else:
            assert not changed.any()


def test_films_and_comparisons_have_captions(tmp_path):
    first, second = write_talk(tmp_path / "in", "a"), write_talk(tmp_path / "in", "b", frames=6)
    captions = write(tmp_path / "a.vtt", "WEBVTT\n\n00:00.000 --> 00:00.200\nMMMMM MMMMM MMMMM\n")
    common = ("-o", tmp_path / "out", "--size", "256x256", "--captions", captions)
    call("render", first, *common)
    again = ("render", first, *common, "--resume")
    assert "skipped" in call(*again).stderr
    call("render", "--compare", first, second, *common)
    assert made(tmp_path / "out") == ["a.compare.mp4", "a.mp4"]
    for name, size in (("a.mp4", (256, 256)), ("a.compare.mp4", (512, 256))):
        bright = [(picture[190:].min(-1) > 150).sum() for picture in frames_of(tmp_path / "out" / name, size)]
        assert min(bright[:5]) > 30 + max(bright[5:])
    write(captions, captions.read_text() + "\n00:01.000 --> 00:02.000\nx\n")
    assert "captions" in call(*again).stderr


def test_captions_of_an_animation(tmp_path, fake_models):
    sound = write_sound(tmp_path / "speech.wav", 0.5)
    captions = write(tmp_path / "a.srt", "1\n00:00:00,000 --> 00:00:00,200\nMMMMM MMMMM\n")
    arguments = ("animate", sound, "--render", "--size", "256x256", "--captions", captions)
    call(*arguments, "-o", tmp_path / "out")
    bright = [(picture[120:184].min(-1) > 150).sum() for picture in frames_of(tmp_path / "out/speech.mp4", (256, 256))]
    assert min(bright[:6]) > 30 + max(bright[6:])
    result = call("animate", sound, "--captions", captions, "-o", tmp_path / "x", expect=2)
    assert "--captions is for the film: add --render" in result.stderr


def test_captions_are_for_one_film(tmp_path, caplog):
    first, second = write_talk(tmp_path / "in", "a"), write_talk(tmp_path / "in", "b")
    captions = write(tmp_path / "a.srt", SRT)
    result = call("render", first, second, "--captions", captions, "-o", tmp_path / "x", expect=2)
    assert "--captions is for one film, and there are 2 inputs" in result.stderr
    result = call("render", first, "--sheet", "--captions", captions, "-o", tmp_path / "x", expect=2)
    assert "--captions is for films and --png" in result.stderr
    assert "does not exist" in call("render", first, "--captions", "none.srt", "-o", tmp_path / "x", expect=2).stderr
    late = write(tmp_path / "late.srt", "00:01:00,000 --> 00:01:01,000\nx\u6f22\n")
    call("render", first, "--captions", late, "-o", tmp_path / "y", "--size", "64x64")
    assert "no caption is shown: the first is at 60 s" in caplog.text
    assert "the font has no \u6f22" in caplog.text


class Grey:
    """A picture without a face."""

    def __init__(self, width: int, height: int, alpha: int = 255) -> None:
        self.width, self.height, self.floor, self.alpha = width, height, height - 8, alpha

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def draw(self, frame, out):
        out[..., :3], out[..., 3] = self.alpha // 2, self.alpha


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (4096, 64), (64, 4096), (512, 512)])
@pytest.mark.parametrize("text", ["a", "word " * 200, "x" * 500, "\u0633\u0644\u0627\u0645 \u05e9\u05dc\u05d5\u05dd"])
@pytest.mark.parametrize("alpha", [255, 0])
def test_any_text_fits_into_any_picture(size, text, alpha):
    picture = Captioned(Grey(*size, alpha), [Caption(0.0, 1.0, text.strip())], 25, 30)
    out = np.zeros((size[1], size[0], 4), np.uint8)
    picture.draw(0, out)
    assert (out[picture.floor :] == [alpha // 2] * 3 + [alpha]).all()
    assert out[: picture.floor].max() > 150 and (out[..., :3] <= out[..., 3:]).all()  # colours multiplied by alpha
    picture.draw(29, out)
    assert (out == [alpha // 2] * 3 + [alpha]).all()
