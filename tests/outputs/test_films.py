"""Films, pictures and comparisons that `render` makes of motions on disk."""

import json

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.errors import UsageError
from sedtalker_cli.outputs.rendering import RenderOptions
from sedtalker_cli.render.heat import HeatMap
from sedtalker_cli.render.picture import draw_title
from sedtalker_cli.render.view import View, parse_background
from tests.commands import call, made
from tests.motions import FRAMES, write_talk
from tests.pictures import frames_of, probe


def test_png_sequence_with_alpha(tmp_path):
    motion = write_talk(tmp_path / "in")
    call("render", motion, "-o", tmp_path / "out", "--png", "--background", "transparent", "--size", "96x96")
    assert made(tmp_path / "out") == [f"a.png/{k:06d}.png" for k in range(FRAMES)]
    pictures = [np.asarray(Image.open(tmp_path / f"out/a.png/{k:06d}.png")).astype(int) for k in (0, 9)]
    for picture in pictures:
        assert picture.shape == (96, 96, 4) and picture[0, 0, 3] == 0 and picture[48, 48, 3] == 255
    # Colours along the outline are those of the skin, not darkened by what is behind.
    edge = (pictures[0][..., 3] > 90) & (pictures[0][..., 3] < 200)
    assert edge.sum() > 20 and np.median(pictures[0][edge][:, 0]) > 60
    assert np.abs(pictures[0] - pictures[1]).max() > 60


def test_transparent_films_do_not_exist(tmp_path):
    motion = write_talk(tmp_path / "in")
    for extra in ([], ["--png", "--film"]):
        result = call("render", motion, "-o", tmp_path / "x", "--background", "transparent", *extra, expect=2)
        assert "cannot be transparent" in result.stderr


def test_background_and_camera(tmp_path):
    motion = write_talk(tmp_path / "in")
    common = ("render", motion, "--size", "128x128", "--background", "#0000ff")
    pictures = {}
    for camera in ("front", "three-quarter", "close"):
        call(*common, "-o", tmp_path / camera, "--camera", camera)
        pictures[camera] = frames_of(tmp_path / camera / "a.mp4").astype(int)[0]
    assert (np.abs(pictures["front"][2, 2] - [0, 0, 255]) < 12).all()
    blue = {camera: (picture[..., 2] > 200).mean() for camera, picture in pictures.items()}
    assert blue["close"] < 0.8 * blue["front"]
    halves = (pictures["front"][:, :64], pictures["front"][:, :63:-1])
    assert np.abs((halves[0][..., 2] > 200) ^ (halves[1][..., 2] > 200)).mean() < 0.04  # the same on both sides
    halves = (pictures["three-quarter"][:, :64], pictures["three-quarter"][:, :63:-1])
    assert np.abs((halves[0][..., 2] > 200) ^ (halves[1][..., 2] > 200)).mean() > 0.04


def test_contact_sheet(tmp_path):
    motion = write_talk(tmp_path / "in", emotions=True)
    call("render", motion, "-o", tmp_path / "out", "--sheet", "--frames", "7", "--size", "96x96")
    assert made(tmp_path / "out") == ["a.sheet.png"]
    sheet = np.asarray(Image.open(tmp_path / "out/a.sheet.png")).astype(int)
    assert sheet.shape == (96 + 18, 7 * 96, 3)
    tiles = [sheet[:96, 96 * k : 96 * k + 96] for k in range(7)]
    assert np.abs(tiles[6] - tiles[0]).max() > 60
    assert sheet[96:114].max() > 150  # words below
    call("render", motion, "-o", tmp_path / "many", "--sheet", "--frames", "99", "--size", "96x96")
    assert Image.open(tmp_path / "many/a.sheet.png").size == (5 * 96, 2 * (96 + 18))  # all 10 frames, none twice


def test_compare(tmp_path):
    first = write_talk(tmp_path / "truth", emotions=True)
    second = write_talk(tmp_path / "model", jaw=0.0, frames=8, emotions=True)
    call("render", "--compare", first, second, "-o", tmp_path / "out", "--size", "128x160")
    assert made(tmp_path / "out") == ["a.compare.mp4"]
    pictures = frames_of(tmp_path / "out/a.compare.mp4", (256, 160)).astype(int)
    assert len(pictures) == FRAMES  # the longer one; the other's last frame stays
    assert "25 fps" in probe(tmp_path / "out/a.compare.mp4")
    mouth = np.s_[60:90]
    moved = np.abs(pictures[9] - pictures[0]).max(-1)[mouth]
    assert moved[:, :128].max() > 60 and moved[:, 128:].max() < 25
    assert np.abs(pictures[0][60:90, :128] - pictures[0][60:90, 128:]).max() < 40  # the same face at first
    assert pictures[0][:24].max() > 150  # titles


def test_compared_strips_have_one_time_axis(tmp_path):
    long, short = (write_talk(tmp_path / "in", name, frames=n, emotions=True) for name, n in (("a", 20), ("b", 10)))
    call("render", "--compare", long, short, "--png", "-o", tmp_path / "out", "--size", "128x160")
    picture = np.asarray(Image.open(tmp_path / "out/a.compare.png/000019.png")).astype(int)
    row = picture[160 - 72 + 30, :, :3]  # through the upper part of the curves: a faint colour
    coloured = np.ptp(row, axis=1) > 12
    assert coloured[8:110].mean() > 0.8
    assert coloured[128 + 8 : 128 + 52].mean() > 0.8 and coloured[128 + 85 : 128 + 112].mean() < 0.1
    call("render", short, "--png", "-o", tmp_path / "alone", "--size", "128x160")
    alone = np.asarray(Image.open(tmp_path / "alone/b.png/000000.png")).astype(int)[160 - 72 + 30, :, :3]
    assert (np.ptp(alone, axis=1) > 12)[12:120].mean() > 0.8


def test_compare_needs_what_fits(tmp_path):
    first, slow = write_talk(tmp_path / "a"), write_talk(tmp_path / "b", fps=50)
    assert "needs two or more" in call("render", "--compare", first, "-o", tmp_path / "x", expect=2).stderr
    result = call("render", "--compare", first, slow, "-o", tmp_path / "x", expect=1)
    assert "has 50 frames a second" in result.stderr
    result = call("render", "--compare", first, slow, "--title", "one", "-o", tmp_path / "x", expect=2)
    assert "--title is given 1 times for 2 motions" in result.stderr
    result = call("render", first, "--title", "one", "-o", tmp_path / "x", expect=2)
    assert "--title is for --compare" in result.stderr
    result = call("render", "--compare", first, slow, "--export", "glb", "-o", tmp_path / "x", expect=2)
    assert "leave out --export" in result.stderr
    assert not (tmp_path / "x").exists()


def test_heatmap(tmp_path):
    truth, model = write_talk(tmp_path / "in", "truth", 0.0), write_talk(tmp_path / "in", "model", 0.5)
    call("render", model, "--heatmap", truth, "-o", tmp_path / "out", "--size", "128x128")
    assert made(tmp_path / "out") == ["model.heatmap.mp4"]
    first, *_, last = frames_of(tmp_path / "out/model.heatmap.mp4").astype(int)
    forehead, jaw = np.s_[30:44, 52:76], np.s_[106:116, 58:70]
    for patch in (first[forehead], first[jaw], last[forehead]):
        assert patch[..., 2].mean() > patch[..., 1].mean() + 10  # no error: violet
    assert last[jaw][..., 1].mean() > last[jaw][..., 2].mean() + 30  # large: yellow and green
    short = write_talk(tmp_path / "in", "short", frames=4)
    result = call("render", model, "--heatmap", short, "-o", tmp_path / "x", expect=1)
    assert "model.npy: is (10, " in result.stderr and "they must be alike" in result.stderr
    result = call("render", model, "--heatmap", tmp_path / "none.npy", "-o", tmp_path / "x", expect=2)
    assert "does not exist" in result.stderr


def test_heat_scale_is_round_and_in_metres():
    still = np.zeros((5, 100, 3), np.float32)
    moved = still.copy()
    moved[:, :, 1] = np.linspace(0, 0.0042, 100)
    heat = HeatMap(moved, still)
    assert heat.limit == pytest.approx(0.005)
    colours = heat.colors(0).astype(int)
    assert colours[0].tolist() == [68, 1, 84] and colours[-1, 1] > 180
    assert HeatMap(still, still).limit > 0
    assert [found.limit for found in HeatMap.alike([still, moved], still)] == [heat.limit, heat.limit]
    assert heat.legend(200, 200).shape[2] == 4


def test_a_scale_that_would_hide_the_face_is_told_in_words(tmp_path, caplog):
    motion = write_talk(tmp_path / "in", frames=2)
    call("render", motion, "--heatmap", motion, "--png", "-o", tmp_path / "out", "--size", "64x300")
    assert "no room for the heat map's scale: its strongest colour is 0.001 mm" in caplog.text
    picture = np.asarray(Image.open(tmp_path / "out/a.heatmap.png/000000.png")).astype(int)
    violet = (picture[..., 2] > picture[..., 1] + 25).sum(1)
    assert np.ptp(np.flatnonzero(violet > 4)) > 60  # from the crown to the neck


def test_labels_of_narrow_sheets_stay_apart(tmp_path):
    motion = write_talk(tmp_path / "in", emotions=True)
    call("render", motion, "-o", tmp_path / "out", "--sheet", "--frames", "5", "--size", "64x800")
    sheet = np.asarray(Image.open(tmp_path / "out/a.sheet.png")).astype(int)
    labels = sheet[800:].max(-1) > 100
    for k in range(5):
        own = np.flatnonzero(labels[:, 64 * k : 64 * k + 64].any(0))
        assert len(own) > 20 and own[0] >= 1 and own[-1] <= 62


def test_pictures_too_large_for_their_format_are_one_line(tmp_path):
    motions = [write_talk(tmp_path / "in", f"m{k}", frames=1) for k in range(5)]
    result = call("render", "--compare", *motions, "-o", tmp_path / "x", "--size", "4096x64", expect=1)
    assert "a film of 20480x64 pixels is too large: at most 16384 a side" in result.stderr
    many = write_talk(tmp_path / "many", frames=60)
    arguments = ("render", many, "--sheet", "--frames", "60", "--size", "4096x4096", "--sheet-width", "16384")
    result = call(*arguments, "-o", tmp_path / "x", expect=1)
    assert "a sheet of 16384x65280 pixels is too large: choose a smaller --size or fewer --frames" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1 and not made(tmp_path / "x")


def test_frame_rates_of_films_and_time_code(tmp_path):
    film, odd = write_talk(tmp_path / "in", fps=23.976), write_talk(tmp_path / "odd", fps=12.5)
    for folder in ("in", "odd"):
        np.save(tmp_path / folder / "a.weights.npy", np.zeros((FRAMES, 52), np.float32))
    call("render", film, "--export", "arkit-csv,glb", "-o", tmp_path / "out")
    assert (tmp_path / "out/a.arkit.csv").read_text().splitlines()[-1].startswith("00:00:00:22.523,61,")
    call("render", odd, "--export", "arkit-csv", "-o", tmp_path / "x")
    assert (tmp_path / "x/a.arkit.csv").read_text().splitlines()[-1].startswith("00:00:00:43.200,61,")


@pytest.mark.parametrize("frames", [1, 2])
def test_motions_of_a_frame_become_everything(tmp_path, frames):
    motion = write_talk(tmp_path / "in", frames=frames, emotions=True)
    np.save(tmp_path / "in/a.weights.npy", np.zeros((frames, 52), np.float32))
    kinds = ("--film", "--png", "--sheet", "--html", "--export", "arkit-csv,glb,mdd,obj,pc2")
    call("render", motion, *kinds, "-o", tmp_path / "out", "--size", "64x64")
    assert len(frames_of(tmp_path / "out/a.mp4", (64, 64))) == frames
    assert Image.open(tmp_path / "out/a.sheet.png").size == (64 * frames, 64 + 18)


@pytest.mark.parametrize("width", [64, 300])
def test_long_titles_fit(width):
    bar = draw_title("a very long title of a comparison " * 3, width, 300)
    assert bar.shape == (24, width, 4) and bar[:, 10:-10, :3].max() > 150
    assert all((bar[:, edge, :3] == bar[0, 0, :3]).all() for edge in (0, -1))


def test_titles_are_not_only_latin(caplog):
    letters = [draw_title(letter, 64, 64) for letter in "\u0416\u0416\u03a9"]
    assert (letters[0] == letters[1]).all() and (letters[0] != letters[2]).any() and not caplog.records
    draw_title("\u6f22", 64, 64)
    assert "title: the font has no \u6f22" in caplog.text


def test_resume_knows_the_view(tmp_path):
    motion = write_talk(tmp_path / "in")
    arguments = ("render", motion, "-o", tmp_path / "out", "--sheet", "--size", "96x96", "--resume")
    call(*arguments)
    assert "skipped" in call(*arguments).stderr
    assert "made with another view" in call(*arguments, "--camera", "close").stderr
    assert "made with another sheet" in call(*arguments, "--camera", "close", "--frames", "5").stderr


def test_resume_knows_every_compared_motion(tmp_path):
    first, second = write_talk(tmp_path / "truth"), write_talk(tmp_path / "model", jaw=0.0)
    arguments = ("render", "--compare", first, second, "-o", tmp_path / "out", "--sheet", "--size", "96x96", "--resume")
    call(*arguments)
    assert "skipped" in call(*arguments).stderr
    write_talk(tmp_path / "truth", jaw=0.3)
    assert "made with another compared" in call(*arguments).stderr


def test_json_lines_name_the_files(tmp_path):
    motion = write_talk(tmp_path / "in")
    result = call("render", motion, "-o", tmp_path / "out", "--sheet", "--export", "pc2", "--size", "96x96", "--json")
    assert set(json.loads(result.stdout)["outputs"]) == {"sheet.png", "pc2", "neutral.obj"}


@pytest.mark.parametrize(
    ("text", "meant"), [("white", (255, 255, 255)), ("#102030", (16, 32, 48)), ("Gradient", "gradient")]
)
def test_backgrounds(text, meant):
    assert parse_background(text) == meant


def test_wrong_backgrounds():
    with pytest.raises(UsageError, match="'blurple' is no colour"):
        parse_background("blurple")
    with pytest.raises(UsageError, match="transparent"):
        RenderOptions(film=True, view=View(background="transparent"))
