"""What `render` does with a motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.batch.processing import Task
from sedtalker_cli.outputs.rendering import RenderOptions, make_films
from sedtalker_cli.progress import Progress
from sedtalker_cli.version import __version__


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

    def load(self, threads: int = 1) -> None:
        from sedtalker_cli.render import choose_renderer

        self.renderer = choose_renderer() if self.options.draws else None

    def sources(self, job: Job) -> list[Path]:
        return self.options.sources(self._motions(job))

    def settings(self, job: Job) -> dict[str, Any]:
        return {"version": __version__, "renderer": self.renderer, **self.options.describe(self._motions(job))}

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        return make_films(self._motions(job), stem, self.out / job.name.parent, self.options, progress)

    def _motions(self, job: Job) -> list[Path]:
        return list(self.compared) or [job.source]
