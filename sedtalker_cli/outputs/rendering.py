"""What `render` makes of motions on disk: films, pictures, pages and exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.motion import motion_stem
from sedtalker_cli.motion.reading import (
    EMOTION_SUFFIX,
    motion_frames,
    motion_inputs,
    read_motion,
    read_reference,
    relative_path,
)
from sedtalker_cli.outputs.exports.registry import export_suffixes, with_suffix, write_exports
from sedtalker_cli.outputs.files import FILM_SUFFIX, PAGE_SUFFIX
from sedtalker_cli.outputs.sizes import PNG, export_size
from sedtalker_cli.progress import Progress, silent
from sedtalker_cli.render.view import View

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.formats.captions import Caption
    from sedtalker_cli.formats.motion import Frames
    from sedtalker_cli.motion.motion import Motion
    from sedtalker_cli.render.heat import HeatMap
    from sedtalker_cli.render.picture import Face, Picture

PNG_SUFFIX, SHEET_SUFFIX = ".png", ".sheet.png"


@dataclass(frozen=True)
class RenderOptions:
    """What is to be made, and how it shall look.

    Attributes:
        film, png, page: MP4, sequence of PNGs, HTML.
        sheet: frames of a contact sheet, 0 for none.
        sheet_width: of a contact sheet at most [pixels]; its pictures shrink to fit.
        exports: formats, see `outputs.exports.registry.FORMATS`.
        compare: whether all motions go side by side into one film.
        titles: above the faces of a comparison; those of the files if empty.
        reference: motion from which errors are shown as colours.
        size: (width, height) of one face's picture [pixels].
        view: camera, background, shadow, hair.
        audio: sound instead of the one that the sidecars name.
        head, head_file: face instead of the one that the sidecars name.
        captions, captions_file: words over films and PNGs.
    """

    film: bool = True
    png: bool = False
    page: bool = False
    sheet: int = 0
    sheet_width: int = 4096
    exports: tuple[str, ...] = ()
    compare: bool = False
    titles: tuple[str, ...] = ()
    reference: Path | None = None
    size: tuple[int, int] = (512, 512)
    view: View = field(default_factory=View)
    audio: Path | None = None
    head: Head | None = field(default=None, repr=False)
    head_file: Path | None = None
    captions: tuple[Caption, ...] = field(default=(), repr=False)
    captions_file: Path | None = None

    def __post_init__(self) -> None:
        if self.film:
            from sedtalker_cli.render.film import check_background

            check_background(self.view)
        if self.compare and (self.exports or self.page):
            raise UsageError("--compare makes pictures of several motions: leave out --export and --html")
        if self.titles and not self.compare:
            raise UsageError("--title is for --compare")
        if self.captions and not (self.film or self.png):
            raise UsageError("--captions is for films and --png: add --film, or leave it out")

    @property
    def draws(self) -> bool:
        return self.film or self.png or bool(self.sheet)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of the files; comparisons and heat maps do not take the plain film's name."""
        kind = (".compare" if self.compare else "") + (".heatmap" if self.reference else "")
        pictures = ((FILM_SUFFIX, self.film), (PNG_SUFFIX, self.png), (SHEET_SUFFIX, self.sheet))
        return (
            *(kind + suffix for suffix, wanted in pictures if wanted),
            *((PAGE_SUFFIX,) if self.page else ()),
            *export_suffixes(self.exports),
        )

    def describe(self, motions: Sequence[Path]) -> dict[str, Any]:
        """What makes the files differ, for the ledger."""
        from sedtalker_cli.face.custom import head_checksum

        return {
            "head": head_checksum(self.head_file) if self.head_file else None,
            # in several folders these may have the same names
            "compared": [file_checksum(motion) for motion in motions] if self.compare else None,
            "size": list(self.size),
            "view": [self.view.camera, self.view.background, self.view.shadow, self.view.hair],
            "sheet": [self.sheet, self.sheet_width] if self.sheet else 0,
            "titles": list(self.titles),
            "captions": file_checksum(self.captions_file) if self.captions_file else None,
        }

    def size_of(self, motions: Sequence[Path]) -> float:
        """About how many bytes the files of motions take; 0 where they are small or the motion cannot be read."""
        if not (self.png or {"npy", "pc2", "mdd", "obj"} & set(self.exports)):
            return 0.0
        try:
            motion = read_motion(motions[0], self.audio, self.head)
        except InputError:  # said when its turn comes
            return 0.0
        head = motion.head
        exports = export_size(self.exports, motion.frames, len(head.neutral), len(head.faces), len(head.shape_names))
        return exports + self.png * motion.frames * len(motions) * PNG * self.size[0] * self.size[1]

    def sources(self, motions: Sequence[Path]) -> list[Path]:
        """Files that the outputs depend on."""
        found = [file for motion in motions for file in motion_inputs(motion, self.audio, self.head_file)]
        return list(dict.fromkeys([*found, *((self.reference,) if self.reference else ())]))


def make_films(
    paths: Sequence[Path], stem: Path, folder: Path, options: RenderOptions, progress: Progress = silent
) -> dict[str, Any]:
    """Make everything that is wanted of a motion, or of several side by side.

    Args:
        paths: `STEM.npy` or `STEM.weights.npy`; several only with `options.compare`.
        stem: folder and name without suffix to write to.
        folder: where the files will finally lie.
        options: what and how.
        progress: called as (stage, done, total).

    Returns:
        What was used: `audio` and `emotion` (paths or None).

    Raises:
        InputError: a motion or a file that belongs to it cannot be used.
        UsageError: the motions cannot be shown together.
    """
    motions = [read_motion(path, options.audio, options.head) for path in paths]
    first = motions[0]
    write_exports(stem, first, options.exports, relative_path(first.audio, folder) if first.audio else None)
    if options.page:
        from sedtalker_cli.outputs.page import write_page

        write_page(with_suffix(stem, PAGE_SUFFIX), first)
    if options.draws:
        _draw(paths, motions, stem, options, progress)
    emotion = paths[0].with_name(motion_stem(paths[0]) + EMOTION_SUFFIX)
    return {
        "audio": str(first.audio) if first.audio else None,
        "emotion": str(emotion) if first.timeline else None,
    }


def _draw(
    paths: Sequence[Path], motions: Sequence[Motion], stem: Path, options: RenderOptions, progress: Progress
) -> None:
    from sedtalker_cli.render import film

    first = motions[0]
    for path, other in zip(paths, motions, strict=True):
        if other.fps != first.fps:
            raise InputError(f"{path}: has {other.fps:g} frames a second, {paths[0]} has {first.fps:g}")
    frames = max(motion.frames for motion in motions)
    for suffix in options.suffixes:
        target = with_suffix(stem, suffix)
        if suffix.endswith(SHEET_SUFFIX):
            _draw_sheet(paths, motions, options, target, progress)
        elif suffix.endswith(PNG_SUFFIX):
            with _picture(paths, motions, options) as picture:
                film.write_frames(picture, frames, target, progress)
        elif suffix.endswith(FILM_SUFFIX):
            with _picture(paths, motions, options) as picture:
                film.write_film(picture, frames, first.fps, target, first.audio, progress)


def _draw_sheet(
    paths: Sequence[Path], motions: Sequence[Motion], options: RenderOptions, target: Path, progress: Progress
) -> None:
    from sedtalker_cli.render.sheet import SheetRow, choose_frames, plan_grid, write_sheet

    chosen = choose_frames(options.sheet, max(motion.frames for motion in motions))
    grid = plan_grid(len(chosen), len(motions), options.size, options.sheet_width, options.compare)
    faces = _faces(paths, motions, options)
    # the sheet names times, emotions and titles itself
    rows = [
        SheetRow(partial(face, size=grid.tile), motion.timeline, title)
        for face, motion, title in zip(faces, motions, options.titles or _titles(paths), strict=True)
    ]
    write_sheet(rows, chosen, motions[0].fps, grid, target, progress)


def _picture(paths: Sequence[Path], motions: Sequence[Motion], options: RenderOptions) -> Picture:
    from sedtalker_cli.render.captions import Captioned
    from sedtalker_cli.render.picture import SideBySide

    frames = max(motion.frames for motion in motions)
    faces = [
        face(
            size=options.size,
            timeline=motion.timeline,
            title=title if options.compare else None,
            duration=frames / motion.fps,
        )
        for face, motion, title in zip(
            _faces(paths, motions, options), motions, options.titles or _titles(paths), strict=True
        )
    ]
    picture = SideBySide(faces) if options.compare else faces[0]
    if not options.captions:
        return picture
    return Captioned(picture, options.captions, motions[0].fps, frames)


def _faces(paths: Sequence[Path], motions: Sequence[Motion], options: RenderOptions) -> list[Callable[..., Face]]:
    """What makes the picture of each motion; its size and the words on it are still to be given."""
    from sedtalker_cli.render.picture import Face

    files = [motion_frames(path, motion) for path, motion in zip(paths, motions, strict=True)]
    heats = _heat_maps(paths, files, options.reference)
    return [
        partial(Face, vertices, motion.head, motion.fps, view=options.view, heat=heat, head_motion=motion.head_motion)
        for vertices, motion, heat in zip(files, motions, heats, strict=True)
    ]


def _heat_maps(paths: Sequence[Path], files: Sequence[Frames], reference: Path | None) -> list[HeatMap | None]:
    """One for each motion, all with the same scale."""
    from sedtalker_cli.render.heat import HeatMap

    if reference is None:
        return [None] * len(files)
    truth = read_reference(reference)
    for path, vertices in zip(paths, files, strict=True):
        if vertices.shape != truth.shape:
            raise InputError(
                f"{path}: is {vertices.shape} (frames, vertices, 3), "
                f"the reference {reference} {truth.shape}; they must be alike"
            )
    return HeatMap.alike(files, truth)


def _titles(paths: Sequence[Path]) -> list[str]:
    """Names of the files, or of their folders where those are all the same."""
    stems = [motion_stem(path) for path in paths]
    folders = [path.resolve().parent.name for path in paths]
    return folders if len(set(stems)) < len(stems) and len(set(folders)) > 1 else stems
