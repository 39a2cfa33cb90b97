"""A recording's emotions over time: waveform, posteriors, intensity and segments, one above the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sedtalker_cli.audio.reading import stream_audio
from sedtalker_cli.clock import SAMPLE_RATE
from sedtalker_cli.emotion.colors import RGB, class_colours, hex_colour
from sedtalker_cli.render.plots.canvas import time_axis, write_plot
from sedtalker_cli.render.plots.envelope import column_means, peak_envelope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment

SIZE = (12.0, 6.2)  # inches
COLUMNS = 1000  # that a long recording is drawn in
OUTLINED = 150  # segments; with more of them outlines would hide the colours
INK, SOFT = "#22262c", "#5b6570"
LETTER = 0.075  # inches, width of a letter in a segment


def plot_timeline(path: Path, timeline: EmotionTimeline, sound: Path, title: str) -> None:
    """Draw a timeline into a file, in memory that does not grow with the recording.

    Args:
        path: `.png` or `.svg` file.
        timeline: of the recording.
        sound: the recording.
        title: shown above.

    Raises:
        InputError: the sound cannot be read any more.
    """
    samples = max(1, round(timeline.duration * SAMPLE_RATE))
    envelope = peak_envelope(stream_audio(sound), samples, min(COLUMNS, samples))
    write_plot(path, lambda figure: draw_timeline(figure, timeline, envelope, title), SIZE)


def draw_timeline(
    figure: Figure, timeline: EmotionTimeline, envelope: tuple[np.ndarray, np.ndarray], title: str
) -> None:
    """Draw a timeline.

    Args:
        figure: an empty one.
        timeline: T frames.
        envelope: lows and highs, both (M,), evenly over the duration.
        title: shown above.
    """
    duration = timeline.duration
    rows = figure.subplots(4, 1, sharex=True, height_ratios=(1.1, 1.8, 0.9, 0.55))
    wave, areas, level, bars = rows
    figure.suptitle(_printable(title), x=0.01, ha="left", fontsize="large")

    lows, highs = envelope
    edges = np.linspace(0, duration, len(lows) + 1)
    wave.fill_between((edges[:-1] + edges[1:]) / 2, lows, highs, color=SOFT, linewidth=0.4)
    reach = max(float(np.abs([lows, highs]).max()), 1e-3) * 1.05
    wave.set_ylim(-reach, reach)
    wave.set_ylabel("waveform")

    colours = class_colours(timeline.classes)
    posteriors, intensity = column_means(timeline.posteriors, COLUMNS), column_means(timeline.intensity, COLUMNS)
    times = _held((np.arange(len(posteriors)) + 0.5) / len(posteriors) * duration, 0, duration)
    handles = areas.stackplot(
        times,
        _held(posteriors).T,
        colors=[hex_colour(colours[name]) for name in timeline.classes],
        labels=timeline.classes,
        linewidth=0,
    )
    areas.set_ylim(0, 1)
    areas.set_ylabel("posterior")
    figure.legend(handles, timeline.classes, loc="outside upper right", ncols=min(len(timeline.classes), 8))

    held = _held(intensity)
    level.fill_between(times, 0, held, color=SOFT, alpha=0.25, linewidth=0)
    level.plot(times, held, color=INK, linewidth=1)
    level.set_ylim(0, 1)
    level.set_ylabel("intensity")

    draw_segments(bars, timeline.segments(), colours, 0.0, 1.0, duration, SIZE[0] * 0.9)
    bars.set_ylim(0, 1)
    bars.set_yticks([])
    bars.set_ylabel("segments")
    time_axis(bars, duration)
    for axes in rows:
        axes.yaxis.set_label_coords(-0.043, 0.5)  # below each other


def draw_segments(
    axes: Axes,
    segments: Sequence[Segment],
    colours: dict[str, RGB],
    bottom: float,
    height: float,
    duration: float,
    inches: float,
) -> None:
    """Draw segments as a bar, with their emotion where there is room.

    Args:
        axes: time runs along x, from 0 to `duration` s.
        segments: of one recording.
        colours: of every emotion.
        bottom, height: of the bar.
        duration: that the width of the axes stands for.
        inches: width of the axes.
    """
    outline = {"edgecolor": "white", "linewidth": 0.8} if len(segments) <= OUTLINED else {"linewidth": 0}
    for name in dict.fromkeys(segment.emotion for segment in segments):
        spans = [(s.onset, s.duration) for s in segments if s.emotion == name]
        axes.broken_barh(spans, (bottom, height), facecolor=hex_colour(colours[name]), **outline)
    for segment in segments:
        if segment.duration / duration * inches > LETTER * (len(segment.emotion) + 2):
            axes.text(
                segment.onset + segment.duration / 2,
                bottom + height / 2,
                segment.emotion,
                ha="center",
                va="center",
                fontsize="small",
                color=text_colour(colours[segment.emotion]),
                clip_on=True,
            )


def text_colour(background: RGB) -> str:
    """Black or white, whichever has more contrast (WCAG 2.2, relative luminance)."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in background]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"


def legend_handles(names: Iterable[str], colours: dict[str, RGB]) -> list:
    """One patch of colour a name."""
    from matplotlib.patches import Patch

    return [Patch(facecolor=hex_colour(colours[name]), label=name) for name in names]


def _held(values: np.ndarray, first: float | None = None, last: float | None = None) -> np.ndarray:
    """First and last value once more, or others, so that lines reach both ends."""
    ends = (values[:1] if first is None else [first], values[-1:] if last is None else [last])
    return np.concatenate([ends[0], values, ends[1]])


def _printable(text: str) -> str:
    """Names may hold line ends and bytes that are no text."""
    return "".join(c if c.isprintable() else "?" for c in text)
