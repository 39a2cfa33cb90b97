"""What `diarize`, `animate` and `render` do with one input; options in, files out, in whatever process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli import __version__, films, outputs
from sedtalker_cli.adaptation import Adaptation
from sedtalker_cli.audio import header_duration
from sedtalker_cli.inputs import Job
from sedtalker_cli.ledger import file_checksum
from sedtalker_cli.overrides import is_override_file
from sedtalker_cli.performing import Progress, Task
from sedtalker_cli.threads import sum_in_one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sedtalker_cli.formats.captions import Caption
    from sedtalker_cli.model.diarizer import Voice

BYTES_A_SECOND = 16_000  # of compressed sound and film, where only the file's size tells its length


@dataclass
class SpeechTask(Task):
    """What is common to the tasks that listen.

    Attributes:
        device: `auto`, `cpu` or `cuda`.
        encoder, model: other models than the bundled ones, see `Pipeline.load`.
        animator, animator_encoder: likewise.
        scan_backend: see `kernels.choose_scan`.
        precision: of the encoder, see `SpeechEncoder`.
        speakers: all inputs of the whole work (not only of this part) where speakers are adapted to, else none.
    """

    device: str = "auto"
    encoder: str | None = None
    model: Path | None = None
    animator: Path | None = None
    animator_encoder: str | None = None
    scan_backend: str = "auto"
    precision: str = "fp32"
    speakers: tuple[Job, ...] = ()

    animates = False

    @property
    def forkable(self) -> bool:
        from sedtalker_cli.pipeline import choose_device

        return choose_device(self.device) == "cpu"

    @property
    def gpus(self) -> int:
        return int(self.device == "cuda")

    def load(self, threads: int = 1) -> None:
        from sedtalker_cli.model.kernels import choose_scan
        from sedtalker_cli.pipeline import Pipeline

        sum_in_one_thread()
        self.pipeline = Pipeline.load(self.device, self.encoder, self.model, self.animator, self.animator_encoder)
        self.pipeline.encoder.precision = self.precision
        choose_scan(self.scan_backend, self.pipeline.device)
        if self.pipeline.device == "cpu":
            self.pipeline.encoder.threads = threads
        self.common = {
            "version": self.pipeline.version,
            "models": self.pipeline.models(animate=self.animates),
            "precision": self.precision,
        }
        self.adaptation = Adaptation(self.speakers, self.pipeline.listen) if self.speakers else None

    def settings(self, job: Job) -> dict[str, Any]:
        return {**self.common, **(self.adaptation.settings(job) if self.adaptation else {})}

    def voice(self, job: Job, progress: Progress) -> Voice | None:
        """What is known of the job's speaker, where that is wanted."""
        return self.adaptation.voice(job, progress) if self.adaptation else None

    def cost(self, job: Job) -> float:
        return header_duration(job.source) or super().cost(job) / BYTES_A_SECOND


@dataclass
class DiarizeTask(SpeechTask):
    """Timelines.

    Attributes:
        formats, plot: as `outputs.write_timeline` takes them.
    """

    formats: tuple[str, ...] = ()
    plot: str | None = None

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        timeline = self.pipeline.diarize(job.source, progress, self.voice(job, progress)).timeline
        if self.plot:
            progress("drawing", 0.0)
        outputs.write_timeline(stem, timeline, self.formats, self.plot, job.source)
        return outputs.describe_timeline(timeline)


@dataclass
class AnimateTask(SpeechTask):
    """Motions, and what else is made of them.

    Attributes:
        out: where the files will finally lie.
        emotion_override, emotion_gain, lip_gain, smooth, identity, head, fps, seed, idle, head_motion: as
            `Pipeline.animate` takes them; a job's own override and identity win.
        exports, page: as `outputs.write_animation` takes them.
        film_size: (width, height) of the film, None for no film.
        captions, captions_file: over the film, and where they were read.
    """

    out: Path = Path(".")
    emotion_override: str | None = None
    emotion_gain: float = 1.0
    lip_gain: float = 1.0
    smooth: float = 0.0
    identity: str | None = None
    head: Path | None = None
    fps: int = 30
    seed: int = 0
    idle: bool = True
    head_motion: bool = False
    exports: tuple[str, ...] = ()
    page: bool = False
    film_size: tuple[int, int] | None = None
    captions: Sequence[Caption] = ()
    captions_file: Path | None = None

    animates = True

    def load(self, threads: int = 1) -> None:
        super().load(threads)
        from sedtalker_cli.face import idle, lips  # noqa: F401 - before a fork they are imported once
        from sedtalker_cli.face.custom import head_checksum
        from sedtalker_cli.pipeline import cached_head

        if self.head_motion:
            from sedtalker_cli.face import head_motion  # noqa: F401
        cached_head(self.identity, self.head)
        self.common |= {
            "emotion_gain": self.emotion_gain,
            "lip_gain": self.lip_gain,
            "smooth": self.smooth,
            "fps": self.fps,
            "seed": self.seed,
            "idle": self.idle,
            "head_motion": self.head_motion,
            "size": self.film_size,
            "head": head_checksum(self.head) if self.head else None,
            "exports": self.exports,
            "captions": file_checksum(self.captions_file) if self.captions_file else None,
        }
        self.checksum = cache(file_checksum)

    def settings(self, job: Job) -> dict[str, Any]:
        spec = job.emotion_override or self.emotion_override
        from_file = spec is not None and is_override_file(spec)
        return {
            **super().settings(job),
            "emotion_override": self.checksum(Path(spec)) if from_file else spec,
            "identity": job.identity or self.identity,
        }

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        animation = self.pipeline.animate(
            job.source,
            emotion_override=job.emotion_override or self.emotion_override,
            emotion_gain=self.emotion_gain,
            lip_gain=self.lip_gain,
            smooth=self.smooth,
            identity=job.identity or self.identity,
            head_file=self.head,
            fps=self.fps,
            seed=self.seed,
            idle=self.idle,
            head_motion=self.head_motion,
            progress=progress,
            voice=self.voice(job, progress),
        )
        final = self.out / job.name.parent
        outputs.write_animation(
            stem,
            animation,
            job.source,
            final,
            exports=self.exports,
            page=self.page,
            film_size=self.film_size,
            captions=self.captions,
            progress=progress,
        )
        described = outputs.describe_timeline(animation.timeline)
        return {**described, "frames": animation.shape[0], "fps": self.fps}


@dataclass
class RenderTask(Task):
    """Films, pictures, pages and exports of motions.

    Attributes:
        wishes: what is made.
        out: where the files will finally lie.
        compared: all motions where they are shown side by side as the first one's output.
    """

    wishes: films.Wishes
    out: Path
    compared: tuple[Path, ...] = ()

    forkable = False  # OpenGL does not outlive a fork, and there are no models to share

    def load(self, threads: int = 1) -> None:
        from sedtalker_cli.render import choose_renderer

        self.renderer = choose_renderer() if self.wishes.draws else None

    def sources(self, job: Job) -> list[Path]:
        return self.wishes.sources(self._motions(job))

    def settings(self, job: Job) -> dict[str, Any]:
        return {"version": __version__, "renderer": self.renderer, **self.wishes.describe(self._motions(job))}

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        return films.make_films(self._motions(job), stem, self.out / job.name.parent, self.wishes, progress)

    def _motions(self, job: Job) -> list[Path]:
        return list(self.compared) or [job.source]
