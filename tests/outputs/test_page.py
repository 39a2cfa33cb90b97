"""The page: one file that needs nothing else; looked at in headless Chromium where there is one."""

import base64
import gzip
import html
import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from sedtalker_cli.emotion.timeline import EMOTIONS, EmotionTimeline, Segment
from sedtalker_cli.errors import InputError
from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import load_head
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.outputs.page import to_flac, write_page
from tests.chromium import chromium
from tests.conftest import write_sound
from tests.needs import browser

FPS, FRAMES = 30, 60


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Two seconds: a closed mouth that opens wide in the second half; happy, then angry."""
    folder = tmp_path_factory.mktemp("page")
    head = load_head()
    weights = np.zeros((FRAMES, 52), np.float32)
    weights[FRAMES // 2 :, ARKIT_INDEX["jawOpen"]] = 0.9
    segments = [Segment(0, 1.0, "happy"), Segment(1.0, 1.0, "angry")]
    timeline = EmotionTimeline.from_segments(segments, EMOTIONS, 2.0, 0.5)
    sound = write_sound(folder / "speech.wav", 3.0)
    motion = Motion(head, FPS, FRAMES, lambda: head.stream(weights), weights, timeline=timeline, audio=sound)
    write_page(folder / "a & <b>.html", motion)
    return folder / "a & <b>.html"


def read_facts(page) -> dict:
    """What the page says of itself."""
    return json.loads(re.search(r'id="facts"[^>]*>([^<]*)<', page.read_text(encoding="utf-8")).group(1))


def test_names_of_the_pages_own_places(page, tmp_path):
    """A file may be called as what the page's template has its facts, model or script put for."""
    head = load_head()
    weights = np.zeros((2, 52), np.float32)
    for name in ("@FACTS@", "@MODEL@", "@SCRIPT@ @TITLE@", "\\1 \\g<0>"):
        write_page(tmp_path / f"{name}.html", Motion(head, FPS, 2, lambda: head.stream(weights), weights))
        assert read_facts(tmp_path / f"{name}.html")["title"] == name
        text = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert f"<title>{html.escape(name)}</title>" in text
        assert text.count('"title"') == 1


def test_page_holds_everything(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"@[A-Z]+@", text)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)[^"']""", text)
    assert not re.search(r"https?://|import\s|fetch\(", re.sub(r'<script id="model".*?</script>', "", text, flags=re.S))
    assert "<title>a &amp; &lt;b&gt;</title>" in text
    model = re.search(r'id="model"[^>]*>([^<]*)<', text).group(1)
    assert gzip.decompress(base64.b64decode(model))[:4] == b"glTF"
    facts = read_facts(page)
    assert facts["duration"] == 2.0 and facts["title"] == "a & <b>"
    assert [s["emotion"] for s in facts["emotions"]["segments"]] == ["happy", "angry"]
    assert len(text) < 3_000_000
    assert [path.name for path in page.parent.iterdir() if path.suffix == ".part"] == []


def test_sound_is_cut_to_the_motion(page, tmp_path):
    import soundfile

    (tmp_path / "a.flac").write_bytes(to_flac(page.parent / "speech.wav", 2.0))
    assert soundfile.info(tmp_path / "a.flac").duration == pytest.approx(2.0, abs=0.001)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(InputError, match=r"text\.wav: is not a sound file"):
        to_flac(tmp_path / "text.wav", 2.0)


def test_vertices_alone_make_no_page(tmp_path):
    head = load_head()
    with pytest.raises(InputError, match="vertices only"):
        write_page(tmp_path / "a.html", Motion(head, FPS, 1, lambda: iter([])))
    assert not list(tmp_path.iterdir())


def look(page, when: float, picture=None) -> tuple[str, str]:
    """Open the page at a time in Chromium: its DOM when it is at rest, and what the browser said."""
    command = [
        *(browser(), "--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
        *("--enable-logging=stderr", "--hide-scrollbars", "--window-size=480,560", "--virtual-time-budget=8000"),
        *(f"--screenshot={picture}" if picture else "--dump-dom", f"{page.as_uri()}#t={when}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=page.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.needs("browser")
def test_page_in_chromium(page, tmp_path):
    dom, said = look(page, 1.5)
    assert said == ""
    assert 'data-state="ready"' in dom and "1.50 s" in dom and "angry 50 %" in dom
    pictures = []
    for when in (0.5, 1.5):
        _, said = look(page, when, tmp_path / f"{when}.png")
        assert said == ""
        pictures.append(np.asarray(Image.open(tmp_path / f"{when}.png").convert("RGB")).astype(int))
    face = np.s_[:430]
    for picture in pictures:
        skin = picture[face][..., 0] - picture[face][..., 2] > 25
        assert 0.15 < skin.mean() < 0.7  # a face in the middle of a grey ground
    changed = np.abs(pictures[0] - pictures[1]).max(-1) > 40
    assert changed[250:430].mean() > 0.02  # the mouth
    assert changed[:150].mean() < 0.005  # not the forehead
    assert changed[430:].mean() > 0.001  # the time


@pytest.mark.needs("browser")
def test_a_page_that_only_plays_says_so(page, tmp_path):
    """The motion has emotions but no layers, as one that was read from disk."""
    pytest.importorskip("websocket")
    shown = "document.getElementById({!r}).checkVisibility()"
    write_page(tmp_path / "mute.html", Motion(load_head(), FPS, 2, lambda: iter([]), np.zeros((2, 52), np.float32)))
    with chromium(tmp_path) as tab:
        tab.open(page)
        assert [tab.evaluate(shown.format(name)) for name in ("split", "save", "keys", "fixed")] == [False] * 3 + [True]
        assert "sedtalker animate … --html" in tab.evaluate("document.getElementById('fixed').innerText")
        tab.open(tmp_path / "mute.html")  # without emotions there is nothing to edit
        assert not tab.evaluate(shown.format("fixed"))


@pytest.mark.needs("browser")
def test_head_motion_in_chromium(page, tmp_path):
    """A head that turns and comes down in the second half, and returns."""
    head = load_head()
    weights, motion = np.zeros((FRAMES, 52), np.float32), np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    motion[FRAMES // 2 :, :3, :3] = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    motion[FRAMES // 2 :, 1, 3] = -0.02
    write_page(tmp_path / "a.html", Motion(head, FPS, FRAMES, lambda: iter([]), weights, motion))
    rows = []
    for when in (0.5, 1.5):
        _, said = look(tmp_path / "a.html", when, tmp_path / f"{when}.png")
        assert said == ""
        picture = np.asarray(Image.open(tmp_path / f"{when}.png").convert("RGB")).astype(int)
        skin = picture[:430, :, 0] - picture[:430, :, 2] > 25
        rows.append(np.flatnonzero(skin.sum(1) > 20)[0])
    assert 15 < rows[1] - rows[0] < 60  # the crown


@pytest.mark.needs("browser")
def test_a_page_that_cannot_show_says_so(page, tmp_path):
    broken = tmp_path / "broken.html"
    broken.write_text(re.sub(r'(id="model"[^>]*>)[^<]*', r"\1AAAA", page.read_text(encoding="utf-8")))
    dom, said = look(broken, 0)
    assert 'data-state="failed"' in dom and "The face cannot be shown" in dom and "CONSOLE" in said
