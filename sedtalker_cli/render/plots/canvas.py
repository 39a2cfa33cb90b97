"""The only module that starts matplotlib: figures without a display, written as files or as text for a page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.emotion.colors import COLOURS, hex_colour
from sedtalker_cli.formats.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Draw = Callable[["Figure"], None]
Size = tuple[float, float]
DPI = 120
STYLE = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and files stay small
    "svg.hashsalt": "sedtalker",  # ids do not change from run to run
    "text.parse_math": False,  # a `$` in a file name is a dollar
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "font.size": 9.0,
}
CLOCK_STEPS = (
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
    28800,
    86400,
)
BLUE, ORANGE, GREEN = (hex_colour(COLOURS[name]) for name in ("sad", "angry", "disgust"))


@contextmanager
def _figure(size: Size) -> Iterator[Figure]:
    """A figure in the project's style, whatever a user's matplotlibrc says."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        # A name in a script that the bundled font lacks is drawn as boxes; that is no reason to alarm anybody.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield Figure(figsize=size, layout="constrained")


def write_plot(path: Path, draw: Draw, size: Size) -> None:
    """Draw into a file; the same drawing leads to the same bytes.

    Args:
        path: `.png` or `.svg` file.
        draw: called with an empty figure.
        size: width and height in inches.
    """
    kind = path.suffix.lower().lstrip(".")
    metadata = {"Date": None, "Creator": "sedtalker"} if kind == "svg" else {"Software": "sedtalker"}
    with _figure(size) as figure:
        draw(figure)
        with atomic_file(path) as part:
            figure.savefig(part, format=kind, dpi=DPI, metadata=metadata)


def svg_text(draw: Draw, size: Size, prefix: str, label: str) -> str:
    """Draw as an `<svg>` element that can stand in a page beside others.

    Args:
        draw: called with an empty figure.
        size: width and height in inches.
        prefix: of all ids within, letters and digits; differs from drawing to drawing of one page.
        label: what the picture shows, in words.

    Returns:
        The element, without declarations and without addresses of any kind.
    """
    from html import escape

    buffer = io.StringIO()
    with _figure(size) as figure:
        draw(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    head, rest = text.split(">", 1)
    head = re.sub(r'\s(?:xmlns(?::\w+)?|version|width|height)="[^"]*"', "", head)
    rest = re.sub(r'(<[^>]*?\b(?:id="|xlink:href="#)|url\(#)', rf"\g<1>{prefix}-", rest).replace("xlink:href", "href")
    return f'{head} role="img" aria-label="{escape(label)}">{rest.strip()}'


def clock(seconds: float, step: float = 1.0) -> str:
    """A time of an axis with ticks `step` s apart: `2.5`, `14`, `1:05`, `2:00:00`."""
    if seconds < 60 and step < 30:
        return f"{round(seconds, 3):g}"
    whole = round(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes.removeprefix("0")


def time_axis(axes: Axes, duration: float, ticks: int = 14) -> None:
    """Ticks at round seconds, minutes or hours from 0 to `duration` s."""
    step = next((s for s in CLOCK_STEPS if duration / s <= ticks), CLOCK_STEPS[-1])
    places = [k * step for k in range(int(duration / step + 1e-6) + 1)]
    axes.set_xlim(0, duration)
    axes.set_xticks(places, [clock(place, step) for place in places])
    axes.set_xlabel("time [s]" if duration < 60 else "time [min:s]" if duration < 3600 else "time [h:min:s]")
