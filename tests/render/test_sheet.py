"""Contact sheets: where their pictures stand, and what is in them."""

from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from sedtalker_cli.errors import UsageError
from sedtalker_cli.render.sheet import SheetRow, choose_frames, plan_grid, write_sheet
from tests.commands import call
from tests.motions import write_talk


class Flat:
    """A picture of one grey, brighter with every frame."""

    floor = 0

    def __init__(self, size, first):
        (self.width, self.height), self._first = size, first

    def draw(self, frame, out):
        out[:] = self._first + 10 * frame
        out[..., 3] = 255


def test_rows_of_one_motion_are_even():
    shapes = {n: plan_grid(n, 1, (512, 512), 4096, False) for n in (1, 6, 8, 9, 10, 12, 16)}
    assert {n: (grid.rows, grid.columns) for n, grid in shapes.items()} == {
        1: (1, 1),
        6: (1, 6),
        8: (1, 8),
        9: (2, 5),
        10: (2, 5),
        12: (2, 6),
        16: (2, 8),
    }
    assert all(grid.tile == (512, 512) and grid.header == grid.title == 0 for grid in shapes.values())
    assert plan_grid(6, 1, (512, 512), 2048, False).size[0] == 3 * 512  # 3 + 3


@pytest.mark.parametrize(("motions", "times"), [(7, 5), (3, 35), (2, 60)])
def test_comparisons_shrink_to_the_width(motions, times):
    grid = plan_grid(times, motions, (512, 256), 4096, True)
    assert (grid.rows, grid.columns) == (motions, times) and grid.size[0] <= 4096
    assert abs(grid.tile[0] / grid.tile[1] - 2) < 0.1 and (grid.tile[0] == 512) == (times <= 8)


def test_pictures_too_small_to_see_are_refused():
    with pytest.raises(UsageError, match="200 pictures in a row of 4096 pixels are too small: choose fewer --frames"):
        plan_grid(200, 2, (512, 512), 4096, True)
    assert plan_grid(4, 2, (16, 16), 4096, True).tile == (16, 16)  # as small as asked for


def test_a_comparison_is_a_grid(tmp_path):
    grid = plan_grid(3, 2, (40, 30), 4096, True)
    opened = []

    def row(first, title):
        @contextmanager
        def open_picture():
            opened.append(first)
            yield Flat(grid.tile, first)
            opened.append(-first)

        return SheetRow(open_picture, title=title)

    write_sheet([row(50, "one"), row(150, "two")], choose_frames(3, 9), 10, grid, tmp_path / "s.png")
    sheet = np.asarray(Image.open(tmp_path / "s.png")).astype(int)
    assert sheet.shape == (grid.size[1], 120, 3) and grid.size[1] == 18 + 2 * (24 + 30 + 18)
    for number, first in enumerate((50, 150)):
        for column, frame in enumerate((1, 4, 7)):
            left, top = grid.corner(number, column)
            assert (sheet[top : top + 30, left : left + 40] == first + 10 * frame).all()
        title = sheet[grid.corner(number, 0)[1] - 24 : grid.corner(number, 0)[1], 30:90]
        assert title.max() > 150  # in the middle of the row
    for column in range(3):
        assert sheet[:18, 40 * column : 40 * column + 40].max() > 150  # a time over each column
    assert opened == [50, -50, 150, -150]  # one at a time


def test_compared_motions_have_rows(tmp_path):
    motions = [write_talk(tmp_path / name, jaw=jaw) for name, jaw in (("open", 0.9), ("shut", 0.0))]
    arguments = ("render", "--compare", *motions, "--sheet", "--frames", "4", "--size", "96x96")
    call(*arguments, "--sheet-width", "256", "-o", tmp_path / "out")
    sheet = np.asarray(Image.open(tmp_path / "out/a.compare.sheet.png")).astype(int)
    grid = plan_grid(4, 2, (96, 96), 256, True)
    assert sheet.shape[1::-1] == grid.size == (256, 18 + 2 * (24 + 64 + 18))
    tiles = [
        [sheet[top : top + 64, left : left + 64] for left, top in (grid.corner(row, column) for column in range(4))]
        for row in range(2)
    ]
    assert np.abs(tiles[0][3] - tiles[0][0]).max() > 60  # the jaw moves
    assert np.abs(tiles[0][3] - tiles[1][3]).max() > 60
