"""Films of references beside predictions, of some sequences of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sedtalker_cli.batch.tables import OwnTable
from sedtalker_cli.errors import UsageError
from sedtalker_cli.evaluation.animation.pairs import Pair
from sedtalker_cli.face.head import Head
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.render.film import write_film
from sedtalker_cli.render.heat import HeatMap
from sedtalker_cli.render.picture import Face, SideBySide
from sedtalker_cli.render.view import View

SUFFIX = ".compare.mp4"


def check_head(head: Head, pairs: Sequence[Pair]) -> None:
    """Find out before the work whether a head can show the motions.

    Raises:
        UsageError: it has another vertex count.
    """
    count = len(pairs[0].template)
    if len(head.neutral) != count:
        raise UsageError(
            f"--films: the motions have {count} vertices, {head.name} has {len(head.neutral)}; "
            "name a mesh of their topology with --head (for FLAME its template, .ply)"
        )


def write_films(
    pairs: Sequence[Pair],
    head: Head,
    folder: Path,
    size: tuple[int, int] = (400, 400),
    progress: Progress = silent,
) -> list[Path]:
    """Write `NAME.compare.mp4`: reference, prediction, and the distance between them as colour.

    Args:
        pairs: that are filmed.
        head: triangles and colours of their topology; its shape is exchanged for each pair's face at rest.
        folder: made if it is not there.
        size: of one face [pixels].
        progress: called as (stage, done, total).

    Raises:
        UsageError: the head has another vertex count.
    """
    check_head(head, pairs)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, pair in enumerate(pairs, start=1):
        reference, prediction = pair.reference(), pair.prediction()
        frames = min(len(reference), len(prediction))
        reference, prediction = reference[:frames], prediction[:frames]
        (heat,) = HeatMap.alike([prediction], reference)
        face = replace(head, neutral=pair.template)
        shown = ((reference, "reference", None), (prediction, "prediction", None), (prediction, "distance", heat))
        faces = [Face(v, face, pair.fps, size, View(), None, title, colours) for v, title, colours in shown]
        path = folder / f"{pair.name}{SUFFIX}"
        with SideBySide(faces) as picture:
            film = partial(write_film, picture, frames, pair.fps, audio=pair.audio)
            OwnTable(path).write(film, overwrite=True)
        written.append(path)
        progress("films", number, len(pairs))
    return written


def remove_older_films(folder: Path, written: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Remove films of an earlier report, so that none stands beside a report that it does not belong to.

    Args:
        folder: of the films; need not be there.
        written: films of the new report.

    Returns:
        Films that were removed, and those that stay: nothing recorded them, or they were changed since.
    """
    older = sorted(path for path in folder.glob(f"*{SUFFIX}") if path not in written)
    removed = []
    for path in older:
        film = OwnTable(path)
        if film.is_ours():
            film.remove()
            removed.append(path)
    return removed, [path for path in older if path not in removed]
