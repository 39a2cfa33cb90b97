"""What `render` does with a motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedtalker_cli.audio.files import check_file
from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.processing import Task
from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.motion import motion_stem
from sedtalker_cli.motion.reading import is_motion_name
from sedtalker_cli.outputs.exports.registry import FORMATS, parse_formats
from sedtalker_cli.outputs.rendering import RenderOptions, make_films
from sedtalker_cli.progress import Progress
from sedtalker_cli.render.view import View, parse_background
from sedtalker_cli.version import __version__

__all__ = [
    "RenderOptions",
    "RenderTask",
    "View",
    "export_formats",
    "is_motion_name",
    "motion_stem",
    "parse_background",
    "parse_formats",
]


def export_formats() -> tuple[str, ...]:
    """Names of all formats of `--export`."""
    return tuple(FORMATS)


@dataclass
class RenderTask(Task):
    """Films, pictures, pages and exports of motions.

    Attributes:
        options: what is made.
        out: where the files will finally lie.
        compared: all motions where they are shown side by side as the first one's output.
    """

    options: RenderOptions
    out: Path
    compared: tuple[Path, ...] = ()

    forkable = False  # OpenGL does not outlive a fork, and there are no models to share

    def check(self, jobs: Sequence[Job], unreadable: int = 0) -> None:
        """Find what is wrong with the options before any work.

        Args:
            jobs: the whole batch; with `options.compare`, all motions that are shown side by side.
            unreadable: number of inputs that were named, too, but cannot be read.

        Raises:
            UsageError: names the option.
            InputError: the sound is no file.
        """
        options = self.options
        if options.audio is not None:
            if len(jobs) + unreadable > 1 and not options.compare:
                raise UsageError("--audio is for one motion; films of several take the sound their sidecars name")
            check_file(options.audio)
        if options.reference is not None and not options.reference.is_file():
            raise UsageError(f"--heatmap {options.reference}: does not exist; name the reference motion")
        if options.compare:
            if len(jobs) < 2 or unreadable:
                raise UsageError("--compare needs two or more different motions that can be read")
            if options.titles and len(options.titles) != len(jobs):
                raise UsageError(f"--title is given {len(options.titles)} times for {len(jobs)} motions")

    def protected(self, jobs: Sequence[Job]) -> tuple[Path, ...]:
        """Files that were given, which no output may replace."""
        options = self.options
        named = (options.audio, options.reference, options.head_file, options.captions_file)
        return (*(path for path in named if path), *(job.source for job in jobs))

    def load(self, threads: int = 1) -> None:
        from sedtalker_cli.render import choose_renderer

        self.renderer = choose_renderer() if self.options.draws else None

    def size(self, job: Job) -> float:
        """See `Task.size`."""
        return self.options.size_of(self._motions(job))

    def sources(self, job: Job) -> list[Path]:
        return self.options.sources(self._motions(job))

    def settings(self, job: Job) -> dict[str, Any]:
        return {"version": __version__, "renderer": self.renderer, **self.options.describe(self._motions(job))}

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        return make_films(self._motions(job), stem, self.out / job.name.parent, self.options, progress)

    def _motions(self, job: Job) -> list[Path]:
        return list(self.compared) or [job.source]
