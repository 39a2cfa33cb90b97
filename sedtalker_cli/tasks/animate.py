"""What `animate` does with a recording, and what is found out before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from sedtalker_cli.batch.inputs import Job
from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.heads import cached_head
from sedtalker_cli.face.identity import list_identities, parse_identity
from sedtalker_cli.formats.checksum import file_checksum
from sedtalker_cli.formats.overrides import is_override_file, parse_override
from sedtalker_cli.model import weights
from sedtalker_cli.model.options import ModelOptions
from sedtalker_cli.motion.animators import ANIMATORS, AnimatorKind
from sedtalker_cli.motion.options import AnimateOptions
from sedtalker_cli.outputs.exports.registry import parse_formats
from sedtalker_cli.outputs.files import AnimationFiles, describe_timeline, write_animation
from sedtalker_cli.progress import Progress
from sedtalker_cli.tasks.named_files import given_head, given_template
from sedtalker_cli.tasks.speech import SpeechTask

__all__ = ["AnimateOptions", "AnimateTask", "AnimationFiles", "ModelOptions", "list_identities", "parse_formats"]

OF_THE_JOB = ("emotion_override", "identity")  # options that a row of a list may have itself


@dataclass
class AnimateTask(SpeechTask):
    """Motions, and what else is made of them.

    Attributes:
        models: a vertex animator may be given as the diarizer, too.
        out: where the files will finally lie.
        options: of the animation; a job's own override and identity win.
        files: what is written.
    """

    out: Path = Path(".")
    options: AnimateOptions = field(default_factory=AnimateOptions)
    files: AnimationFiles = field(default_factory=AnimationFiles)

    animates = True

    def __post_init__(self) -> None:
        given = self.models.diarizer
        if given and self.models.animator is None and weights.checkpoint_type(given) == weights.VERTEX_ANIMATOR:
            self.models = replace(self.models, diarizer=None, animator=given)

    @property
    def kind(self) -> AnimatorKind:
        """Of the animator; one that cannot be read is left to the loading, which says why."""
        found = weights.checkpoint_type(self.models.animator) if self.models.animator else None
        return ANIMATORS.get(found or weights.ANIMATOR, ANIMATORS[weights.ANIMATOR])

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of a job's files."""
        return self.files.suffixes(self.options.head_motion, self.kind.makes_weights)

    def protected(self, jobs: Sequence[Job]) -> tuple[Path, ...]:
        """Files that the options and a list name, which no output may replace."""
        named = sorted(Path(spec) for spec in self._overrides(jobs) if is_override_file(spec))
        given = (self.options.head, self.files.captions_file, self.who.path)
        return (*named, *(Path(path) for path in given if path))

    def _overrides(self, jobs: Sequence[Job]) -> set[str]:
        found = {self.options.emotion_override, *(job.emotion_override for job in jobs)}
        return {spec for spec in found if spec is not None}

    def check(self, jobs: Sequence[Job], strict: bool = False) -> None:
        """Find all that is wrong with the options and the list before models are loaded.

        Args:
            jobs: the whole batch.
            strict: whether a line of an override's file that cannot be used is an error.

        Raises:
            UsageError: names the option, or the input.
            InputError: a file that an option names cannot be used.
        """
        options, files = self.options, self.files
        self.kind.check_files(options, files.exports, files.page)
        if not (files.vertices or self.kind.makes_weights):
            raise UsageError("--no-vertices: this animator makes vertices only, no ARKit coefficients; leave it out")
        classes = weights.known_emotions(self.models.diarizer) if self._overrides(jobs) else ()
        if options.emotion_override is not None:
            parse_override(options.emotion_override, classes, strict=strict)
        head = Path(options.head) if options.head else None
        if self.kind.makes_weights:
            given_head(head, options.identity, animated=True)
        else:
            assert self.models.animator is not None  # the bundled one has weights
            given_template(head, options.identity, Path(self.models.animator))
        _check_rows(jobs, classes, head, strict)

    @property
    def smaller(self) -> str:
        choices = "choose another folder, or fewer inputs"
        return f"add --no-vertices, or {choices}" if self.files.vertices and self.kind.makes_weights else choices

    def size(self, job: Job) -> float:
        """See `Task.size`."""
        head = cached_head(self.options.identity, Path(self.options.head) if self.options.head else None)
        return self.files.size(self.seconds(job), self.options.fps, head)

    def check_renderer(self) -> None:
        """Find out whether films can be drawn in this process.

        Raises:
            SedtalkerError: they cannot.
        """
        from sedtalker_cli.render import choose_renderer

        if self.files.film_size:
            choose_renderer()

    def load(self, threads: int = 1) -> None:
        super().load(threads)
        from sedtalker_cli.face.custom import head_checksum

        options, files = self.options, self.files
        if options.head_motion:  # before a fork it is imported once
            from sedtalker_cli.motion import head_motion  # noqa: F401
        head = Path(options.head) if options.head else None
        cached_head(options.identity, head)
        chosen: dict[str, Any] = {
            name: value for name, value in asdict(options).items() if name not in ("head", *OF_THE_JOB)
        }
        self.common |= {
            **chosen,
            "size": files.film_size,
            "hair": files.hair if files.film_size else None,
            "head": head_checksum(head) if head else None,
            "exports": files.exports,
            "captions": file_checksum(files.captions_file) if files.captions_file else None,
        }
        self.checksum = cache(file_checksum)

    def options_of(self, job: Job) -> AnimateOptions:
        """The options with what the job says itself."""
        return replace(
            self.options,
            emotion_override=job.emotion_override or self.options.emotion_override,
            identity=job.identity or self.options.identity,
        )

    def settings(self, job: Job) -> dict[str, Any]:
        options = self.options_of(job)
        spec = options.emotion_override
        return {
            **super().settings(job),
            "emotion_override": self.checksum(Path(spec)) if spec and is_override_file(spec) else spec,
            "identity": options.identity,
        }

    def work(self, job: Job, stem: Path, progress: Progress) -> dict[str, Any]:
        voice = self.voice(job, progress)
        turns = self.who.turns(job)
        motion = self.pipeline.animate(
            job.source, self.options_of(job), progress=progress, voice=voice, turns=turns, speaker=self.who.speaker
        )
        write_animation(stem, motion, self.out / job.name.parent, self.files, progress)
        assert motion.timeline is not None
        facts = {"frames": motion.frames, "fps": self.options.fps}
        return {
            **describe_timeline(motion.timeline),
            **facts,
            **self.report(job, motion.timeline, motion.metadata["notes"]),
        }


def _check_rows(jobs: Sequence[Job], classes: Sequence[str], head: Path | None, strict: bool) -> None:
    """Find invalid overrides and identities of a list; rows that are alike are read once.

    Raises:
        UsageError: names the input.
    """
    seen = set()
    for job in jobs:
        values = job.emotion_override, job.identity
        if values in seen:
            continue
        seen.add(values)
        try:
            if head is not None and job.identity is not None:
                raise UsageError(f"identity {job.identity!r} is for the built-in head; leave it out with --head")
            parse_identity(job.identity)
            if job.emotion_override is not None:
                parse_override(job.emotion_override, classes, strict=strict)
        except UsageError as error:
            raise UsageError(f"--list, {job.source}: {error}") from error
