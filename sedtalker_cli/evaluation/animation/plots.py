"""Pictures of predicted motion: errors by emotion and intensity, and lip openings over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.render.plots.canvas import BLUE, ORANGE, time_axis
from sedtalker_cli.render.plots.timeline import SOFT

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_errors(figure: Figure, groups: Mapping[str, Mapping[str, float]], measures: Sequence[str]) -> None:
    """One row of bars a measure, one bar a group; scales differ from measure to measure.

    Args:
        figure: an empty one.
        groups: name -> measure -> value.
        measures: names of those that are drawn.
    """
    rows = figure.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    places = np.arange(len(groups))
    for axes, measure in zip(rows, measures, strict=True):
        values = [scores.get(measure, np.nan) for scores in groups.values()]
        axes.bar(places, values, 0.7, color=BLUE)
        axes.axhline(0, color=SOFT, linewidth=0.6)
        axes.set_ylabel(measure)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    rows[-1].set_xticks(places, list(groups), rotation=35, ha="right")
    rows[-1].tick_params(axis="x", length=0)


def draw_openings(figure: Figure, tracks: Sequence[tuple[str, np.ndarray, float]]) -> None:
    """Lip openings of reference and prediction over time.

    Args:
        figure: an empty one.
        tracks: (title, openings (2, T), frames a second).
    """
    rows = figure.subplots(len(tracks), 1, squeeze=False)[:, 0]
    for axes, (title, openings, fps) in zip(rows, tracks, strict=True):
        times = np.arange(openings.shape[1]) / fps
        for opening, name, colour in zip(openings, ("reference", "prediction"), (SOFT, ORANGE), strict=True):
            axes.plot(times, opening, label=name, color=colour, linewidth=1.2)
        axes.set_title(title, fontsize="small")
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        time_axis(axes, max(times[-1], 1 / fps))
        if axes is not rows[-1]:
            axes.set_xlabel("")
    figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
