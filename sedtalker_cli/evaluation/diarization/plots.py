"""Pictures of scores: confusion, reliability, bars, and timelines of reference against hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.emotion.colors import class_colours
from sedtalker_cli.render.plots.canvas import BLUE, GREEN, ORANGE, time_axis
from sedtalker_cli.render.plots.timeline import INK, SOFT, draw_segments, legend_handles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sedtalker_cli.emotion.timeline import Segment
    from sedtalker_cli.evaluation.metrics.calibration import Reliability
    from sedtalker_cli.evaluation.metrics.confusion import Confusion
    from sedtalker_cli.evaluation.metrics.diarization import ErrorTime


def confusion_size(classes: int) -> tuple[float, float]:
    """Inches for a matrix of that many classes."""
    return 2.4 + 0.62 * (classes + 1), 1.2 + 0.52 * classes


def draw_confusion(figure: Figure, confusion: Confusion) -> None:
    """What each class was taken for, as shares of its reference; the last column, if any, is what got no answer."""
    from matplotlib.colors import LinearSegmentedColormap

    names, columns = list(confusion.classes), list(confusion.classes)
    amounts = confusion.matrix
    if (confusion.unanswered > 0.005 * confusion.support).any():
        amounts, columns = np.column_stack([amounts, confusion.unanswered]), [*columns, "no answer"]
    totals = confusion.support[:, None]
    shares = np.divide(amounts, totals, out=np.full(amounts.shape, np.nan), where=totals > 0)
    axes = figure.subplots()
    paper = LinearSegmentedColormap.from_list("paper", ["#ffffff", BLUE])
    axes.pcolormesh(np.nan_to_num(shares), cmap=paper, vmin=0, vmax=1, edgecolor="white", linewidth=1)
    for row, column in np.ndindex(shares.shape):
        if not np.isnan(shares[row, column]):
            colour = "white" if shares[row, column] > 0.55 else INK
            axes.text(column + 0.5, row + 0.5, f"{shares[row, column]:.2f}", ha="center", va="center", color=colour)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=35, ha="right")
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.invert_yaxis()
    axes.set_xlabel("answer")
    axes.set_ylabel("reference")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_reliability(figure: Figure, reliability: Reliability) -> None:
    """Accuracy against confidence in bins, with the share of frames in every bin below."""
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = len(reliability.count)
    middles = (np.arange(bins) + 0.5) / bins
    filled = reliability.count > 0
    top.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--", label="confidence = accuracy")
    top.bar(middles[filled], reliability.accuracy[filled], 0.92 / bins, color=BLUE, label="accuracy")
    top.plot(
        reliability.confidence[filled],
        reliability.accuracy[filled],
        "o",
        color=ORANGE,
        markersize=3.5,
        label="at the bin's mean confidence",
    )
    top.set_xlim(0, 1)
    top.set_ylim(0, 1)
    top.set_ylabel("accuracy")
    top.legend(loc="upper left", fontsize="small")
    top.set_title(f"expected calibration error {reliability.ece:.3f}")
    bottom.bar(middles, reliability.count / max(reliability.count.sum(), 1), 0.92 / bins, color=SOFT)
    bottom.set_ylabel("share")
    bottom.set_xlabel("confidence of the top class")


def draw_bars(figure: Figure, groups: Sequence[str], series: Mapping[str, Sequence[float]]) -> None:
    """Bars from 0 to 1, side by side for every group; NaN leaves a gap."""
    axes = figure.subplots()
    width = 0.8 / len(series)
    places = np.arange(len(groups))
    for number, ((name, values), colour) in enumerate(zip(series.items(), (BLUE, GREEN, ORANGE, SOFT), strict=False)):
        at = places + (number - (len(series) - 1) / 2) * width
        bars = axes.bar(at, np.nan_to_num(values), width * 0.94, label=name, color=colour)
        texts = ["" if np.isnan(value) else f"{value:.2f}" for value in values]
        axes.bar_label(bars, texts, fontsize="small", padding=1)
    axes.set_xticks(places, groups)
    axes.set_ylim(0, 1.08)
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    axes.tick_params(axis="x", length=0)
    figure.legend(loc="outside upper right", ncols=len(series))


def draw_error_parts(figure: Figure, errors: Mapping[str, ErrorTime]) -> None:
    """Missed, falsely alarmed and confused shares of every file, stacked to its EDER."""
    axes = figure.subplots()
    places = np.arange(len(errors))
    left = np.zeros(len(errors))
    for name, colour in (("missed", BLUE), ("false alarm", ORANGE), ("confusion", GREEN)):
        seconds = np.array([getattr(error, name.replace(" ", "_")) for error in errors.values()])
        share = seconds / np.array([error.duration or np.inf for error in errors.values()])
        axes.barh(places, share, 0.75, left=left, label=name, color=colour)
        left += share
    axes.set_yticks(places, [_short(name) for name in errors])
    axes.set_ylim(len(errors) - 0.5, -0.5)
    axes.set_xlim(0, max(1.0, float(left.max(initial=0)) * 1.02))
    axes.set_xlabel("share of evaluated time (together: EDER)")
    figure.legend(loc="outside upper right", ncols=3)


def draw_comparison(
    figure: Figure, pairs: Sequence[tuple[str, Sequence[Segment], Sequence[Segment]]], width: float
) -> None:
    """Reference above hypothesis for several recordings, each with its own time axis.

    Args:
        figure: an empty one.
        pairs: (title, reference, hypothesis).
        width: of the figure in inches.
    """
    names = sorted({segment.emotion for _, *sides in pairs for side in sides for segment in side})
    colours = class_colours(names)
    rows = figure.subplots(len(pairs), 1, squeeze=False)[:, 0]
    for axes, (title, reference, hypothesis) in zip(rows, pairs, strict=True):
        duration = max([segment.end for segment in (*reference, *hypothesis)], default=1.0)
        for bottom, segments in ((1.1, reference), (0.0, hypothesis)):
            draw_segments(axes, segments, colours, bottom, 1.0, duration, width * 0.85)
        axes.set_ylim(0, 2.1)
        axes.set_yticks([1.6, 0.5], ["reference", "hypothesis"])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_title(_short(title, 90), fontsize="small")
        time_axis(axes, duration)
        if axes is not rows[-1]:
            axes.set_xlabel("")
    figure.legend(handles=legend_handles(names, colours), loc="outside upper right", ncols=min(len(names), 8))


def _short(text: str, letters: int = 28) -> str:
    """Long names keep their end, which tells them apart."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= letters else "…" + text[1 - letters :]
