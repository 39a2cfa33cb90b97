"""Emotions edited in the page, by mouse, keys and fingers in a real Chromium and a real Firefox, and fed back."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from sedtalker_cli.face.arkit import ARKIT_NAMES
from sedtalker_cli.formats.emotion_csv import read_emotion_csv
from sedtalker_cli.formats.rttm import read_rttm
from sedtalker_cli.outputs.page import write_page
from sedtalker_cli.outputs.page.packing import FINE, pack_layers, pack_series
from tests.browsers import BROWSERS, CHROMIUM, EACH
from tests.conftest import ROOT

pytestmark = pytest.mark.needs("animator")
# fingers, what screen readers find and the system's colours are by Chromium's own protocol
in_chromium = pytest.mark.parametrize("browser_page", [CHROMIUM], indirect=True)
CTRL, SHIFT = 2, 8
RULER, BAND = 112, 16  # places on the strip, from its top [pixels]


@pytest.fixture(scope="module")
def recording():
    """A recording of 6 s, calm and then in fear, its pipeline and its motion."""
    pytest.importorskip("websocket")
    from sedtalker_cli import Pipeline

    pipeline = Pipeline.load(device="cpu")
    sound = ROOT / "examples/change.flac"
    return SimpleNamespace(sound=sound, pipeline=pipeline, motion=pipeline.animate(sound))


@pytest.fixture(scope="module", params=EACH)
def browser_page(request, recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("editing")
    write_page(folder / "change of mood.html", recording.motion)
    with BROWSERS[request.param](folder) as page:
        page.path, page.downloads = folder / "change of mood.html", folder / "downloads"
        yield page


@pytest.fixture
def page(browser_page):
    """The page as it opens, and at its end without a word on the console."""
    browser_page.evaluate("window.onbeforeunload = null")
    browser_page.open(browser_page.path)
    assert browser_page.evaluate("document.body.dataset.editable") == "true"
    yield browser_page
    assert browser_page.said == []


def segments(page) -> list[tuple[float, str]]:
    """(onset in s, emotion) of each."""
    return [(round(s["start"] * 0.02, 2), s["emotion"]) for s in page.evaluate("emotions.segments()")]


def on_strip(page, seconds: float, y: float) -> tuple[float, float]:
    """Where a time is on the strip, y pixels below its top."""
    box, (begin, end) = page.place("#strip"), page.evaluate("timeline.seen()")
    return box["x"] + (seconds - begin) / (end - begin) * box["width"], box["y"] + y


def weights(page) -> np.ndarray:
    """(T, 52) that the face shows; shapes that the head has not are left out."""
    return np.array(page.evaluate("Array.from(model.weights)")).reshape(-1, page.evaluate("model.names.length"))


def save(page) -> tuple:
    """Paths of the CSV and the RTTM file that Ctrl+S downloads."""
    paths = [page.downloads / f"change of mood{suffix}" for suffix in (".emotion.csv", ".rttm")]
    for path in paths:
        path.unlink(missing_ok=True)
    page.press("s", "KeyS", CTRL)
    deadline = time.monotonic() + 30
    while not all(path.exists() for path in paths):
        assert time.monotonic() < deadline, "nothing was downloaded"
        time.sleep(0.05)
    return tuple(paths)


def test_edits_by_mouse_and_keys_come_back_as_the_same_motion(page, recording, tmp_path):
    original = recording.motion
    assert np.abs(weights(page) - original.weights).max() < 1e-6
    page.drag(on_strip(page, 1.2, RULER))
    assert page.evaluate("time") == pytest.approx(1.2, abs=0.02)
    page.press("s", "KeyS")
    page.press("4", "Digit4")  # happy until the end of what was one segment
    begin = segments(page)
    assert (1.2, "happy") in begin
    page.drag(on_strip(page, 1.2, 60), on_strip(page, 1.4, 60), on_strip(page, 1.6, 60))  # its edge
    assert (1.6, "happy") in segments(page)
    curve = [on_strip(page, seconds, 40) for seconds in (1.8, 2.0, 2.2, 2.4)]
    page.drag(*curve)  # its intensity, pulled to nine tenths
    assert page.evaluate("emotions.intensity[Math.round(2.1 / HOP)]") == pytest.approx(0.92, abs=0.06)
    page.press("End")
    page.click("#emotions button:nth-child(1)")  # the last segment: angry
    assert segments(page)[-1][1] == "angry"
    shown = weights(page)
    table, _ = save(page)
    again = recording.pipeline.animate(recording.sound, emotion_override=str(table))
    difference = np.abs(shown - again.weights)
    edited = np.abs(original.weights - again.weights)
    eyes = np.char.startswith(ARKIT_NAMES, "eye")  # they blink at other times where another emotion is felt
    assert difference.mean() < 0.005 and difference[:, ~eyes].mean(0).max() < 0.02
    acted = page.evaluate(
        "actEmotions(layers, emotions.posteriors(), emotions.intensity, facts.fps).map((c) => Array.from(c))"
    )
    still = recording.pipeline.animate(recording.sound, emotion_override=str(table), idle=False)
    assert np.abs(np.array(acted).T - still.weights).mean(0).max() < 0.005  # without blinks all are as seen
    assert edited.mean(0).max() > 0.15  # and it is another motion than before
    page.screenshot(tmp_path / "edited.png")


def test_what_is_saved_is_what_was_edited(page):
    before = segments(page)
    page.press("Home")
    page.press("7", "Digit7")
    page.press("ArrowDown")
    table, rttm = save(page)
    timeline = read_emotion_csv(table)
    assert timeline.segments()[0].emotion == "surprise"
    assert len(timeline.labels) == page.evaluate("emotions.frames")
    level = page.evaluate("Array.from(emotions.intensity)")
    assert timeline.intensity == pytest.approx(level, abs=6e-5)
    (found,) = read_rttm(rttm).values()
    assert list(read_rttm(rttm)) == ["change_of_mood"]
    assert [(round(s.onset, 2), s.emotion) for s in found] == [(0.0, "surprise"), *before[1:]]
    assert found[-1].end == pytest.approx(page.evaluate("emotions.duration"), abs=0.001)
    page.press("z", "KeyZ", CTRL)
    page.press("z", "KeyZ", CTRL)
    table, _ = save(page)
    untouched = read_emotion_csv(table)
    assert segments(page) == before and untouched.segments()[0].emotion == before[0][1]


def test_undo_and_redo(page, recording):
    first, curve = segments(page), page.evaluate("Array.from(emotions.intensity)")
    page.press("6", "Digit6")
    page.drag(on_strip(page, 0.5, 90), on_strip(page, 0.8, 45))
    changed, shown = segments(page), weights(page)
    for _ in range(2):
        page.press("z", "KeyZ", CTRL)
    assert segments(page) == first and page.evaluate("Array.from(emotions.intensity)") == curve
    assert np.array_equal(weights(page), recording.motion.weights)
    assert page.evaluate("element('undo').disabled")
    page.click("#redo")
    page.press("y", "KeyY", CTRL)
    assert segments(page) == changed and np.array_equal(weights(page), shown)


def test_an_edge_that_is_dragged_back_changes_nothing(page, recording):
    first = segments(page)
    assert len(first) > 1
    edge = first[1][0]
    page.drag(*(on_strip(page, seconds, BAND) for seconds in (edge, edge - 0.4, edge - 0.8, edge)))
    assert segments(page) == first
    assert np.array_equal(weights(page), recording.motion.weights)
    page.drag(*(on_strip(page, seconds, BAND) for seconds in (edge, 30)))  # beyond the end: a tenth of a second stays
    assert page.evaluate("(({ start, stop }) => stop - start)(emotions.segments()[1])") == 5


def test_keys_of_the_player(page):
    page.press("End")
    assert page.evaluate("time") == pytest.approx(page.evaluate("facts.duration"))
    page.press("Home")
    page.press("ArrowRight")
    page.press("ArrowRight", modifiers=SHIFT)
    assert page.evaluate("time") == pytest.approx(1.1, abs=1e-6)
    page.press("ArrowLeft")
    assert page.evaluate("time") == pytest.approx(1.0, abs=1e-6)
    page.press(" ", "Space")
    assert page.evaluate("playing") and page.evaluate("element('play').getAttribute('aria-label')") == "Pause"
    deadline = time.monotonic() + 30
    while page.evaluate("time") < 1.3:  # it goes on, with the sound where the machine has one
        assert time.monotonic() < deadline, "it does not play"
    page.press(" ", "Space")
    assert not page.evaluate("playing")
    count = len(segments(page))
    page.evaluate("setTime(1)")
    page.press("s", "KeyS")
    assert len(segments(page)) == count + 1
    begin = segments(page)[1][0]
    page.press(".", "Period")
    assert segments(page)[1][0] == pytest.approx(begin + 0.02)
    page.evaluate("setTime(1.5)")
    page.press("Delete")
    assert len(segments(page)) == count


@in_chromium
def test_wheel_and_fingers(page):
    whole = page.evaluate("timeline.seen()")
    page.wheel(*on_strip(page, 2.0, 60), down=-400)
    near = page.evaluate("timeline.seen()")
    assert near[1] - near[0] < 0.6 * (whole[1] - whole[0]) and near[0] < 2.0 < near[1]
    page.wheel(*on_strip(page, 2.0, 60), down=4000)
    assert page.evaluate("timeline.seen()") == pytest.approx(whole)
    page.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
    left, right = on_strip(page, 2.0, 60), on_strip(page, 3.0, 60)
    before = page.evaluate("[Array.from(emotions.intensity), emotions.segments()]")
    page.touch(*([(left[0] - far, left[1]), (right[0] + far, right[1])] for far in (0, 60, 120)))
    pinched = page.evaluate("timeline.seen()")
    assert pinched[1] - pinched[0] < 0.8 * (whole[1] - whole[0])
    assert page.evaluate("[Array.from(emotions.intensity), emotions.segments()]") == before  # two fingers edit nothing
    distance = page.evaluate("camera.distance")
    face = page.place("#face")
    x, y = face["x"] + face["width"] / 2, face["y"] + face["height"] / 2
    page.touch([(x - 40, y), (x + 40, y)], [(x - 120, y), (x + 120, y)])
    assert page.evaluate("camera.distance") < 0.7 * distance
    page.touch([on_strip(page, 2.4, 95)], [on_strip(page, 2.5, 45)], [on_strip(page, 2.6, 45)])
    assert page.evaluate("emotions.intensity[Math.round(2.6 / HOP)]") == pytest.approx(0.85, abs=0.08)
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)


@in_chromium
def test_names_for_screen_readers(page):
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    found = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")}
    for name in ("Play", "Split", "Join", "Undo", "Redo", "Save", "1 angry", "7 surprise"):
        assert ("button", name) in found, name
    assert ("slider", "Time and emotions") in found
    page.press("Home")
    assert page.evaluate("element('strip').getAttribute('aria-valuetext')").startswith("0.00 seconds, ")
    page.press("2", "Digit2")
    assert page.evaluate("element('news').textContent").startswith("disgust from 0.00 to ")


@in_chromium
def test_dark_and_light(page, tmp_path):
    from PIL import Image

    brightness = {}
    for scheme in ("dark", "light"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.settle()
        page.screenshot(tmp_path / f"{scheme}.png")
        brightness[scheme] = np.asarray(Image.open(tmp_path / f"{scheme}.png").convert("L"))[-200:].mean()
    assert brightness["dark"] < 90 < 170 < brightness["light"]


def test_layers_are_small(recording):
    """Beside the sound and the head a page grows by what the layers and the weights take."""
    facts, text = pack_layers(recording.motion.layers(), recording.motion.timeline)
    weights = recording.motion.weights
    a_minute = (len(text) + 4 / 3 * weights.nbytes) * 60 / (len(weights) / recording.motion.fps)
    assert a_minute + len(str(facts)) < 1_500_000


def test_series_come_back_within_half_a_step():
    rng = np.random.default_rng(0)
    series = {"a": rng.uniform(0, 3, (50, 4)), "b": np.zeros((50, 3))}
    series["a"][:, 2] = series["a"][:, 0]
    (first, second), content = pack_series(series, FINE)
    assert first["columns"][0] == first["columns"][2] and second["columns"] == [-1, -1, -1]
    stored = np.frombuffer(content, "<u2").reshape(3, 50).cumsum(1, dtype=np.uint16) * first["step"]
    assert np.abs(stored[first["columns"]].T - series["a"]).max() < 0.51 * first["step"]
