"""What `animate` does with a recording."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.overrides import is_override_file
from sedtalker_cli.outputs.files import describe_timeline, write_animation
from sedtalker_cli.progress import Progress
from sedtalker_cli.tasks.speech import SpeechTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sedtalker_cli.formats.captions import Caption


@dataclass
class AnimateTask(SpeechTask):
    """Motions, and what else is made of them.

    Attributes:
        out: where the files will finally lie.
        emotion_override, emotion_gain, lip_gain, smooth, identity, head, fps, seed, idle, head_motion: as
            `Pipeline.animate` takes them; a job's own override and identity win.
        exports, page: as `outputs.files.write_animation` takes them.
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
        from sedtalker_cli.face.custom import head_checksum
        from sedtalker_cli.face.heads import cached_head
        from sedtalker_cli.motion import idle, lips  # noqa: F401 - before a fork they are imported once

        if self.head_motion:
            from sedtalker_cli.motion import head_motion  # noqa: F401
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
        motion = self.pipeline.animate(
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
        write_animation(
            stem,
            motion,
            final,
            exports=self.exports,
            page=self.page,
            film_size=self.film_size,
            captions=self.captions,
            progress=progress,
        )
        described = describe_timeline(motion.timeline)
        return {**described, "frames": motion.frames, "fps": self.fps}
