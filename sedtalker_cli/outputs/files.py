"""What the commands write: which files belong to a recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedtalker_cli.errors import UsageError
from sedtalker_cli.formats.audacity import write_labels
from sedtalker_cli.formats.emotion_csv import write_emotion_csv
from sedtalker_cli.formats.emotion_json import write_emotion_json
from sedtalker_cli.formats.motion import (
    WEIGHTS_SUFFIX,
    read_frames,
    sidecar_path,
    write_array,
    write_motion,
    write_sidecar,
)
from sedtalker_cli.formats.rttm import write_rttm
from sedtalker_cli.formats.textgrid import timeline_tiers, write_textgrid
from sedtalker_cli.motion.reading import HEAD_SUFFIX, relative_path
from sedtalker_cli.outputs.exports.registry import export_suffixes, with_suffix, write_exports
from sedtalker_cli.outputs.sizes import FILM, NUMBER, PAGE, TIMELINE, export_size
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sedtalker_cli.emotion.speakers import SpeakerFrames
    from sedtalker_cli.emotion.timeline import EmotionTimeline, Segment
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.formats.captions import Caption
    from sedtalker_cli.motion.motion import Motion

TIMELINE_SUFFIXES = (".rttm", ".emotion.csv")  # always written
FORMAT_SUFFIXES = {"json": ".emotion.json", "audacity": ".labels.txt", "textgrid": ".TextGrid"}  # on demand
PLOT_SUFFIXES = {"png": ".emotion.png", "svg": ".emotion.svg"}
VERTICES_SUFFIX, FACES_SUFFIX = ".npy", ".faces.npy"
MOTION_SUFFIXES = (VERTICES_SUFFIX, WEIGHTS_SUFFIX, FACES_SUFFIX, ".json")
FILM_SUFFIX, PAGE_SUFFIX = ".mp4", ".html"


@dataclass(frozen=True)
class AnimationFiles:
    """What `animate` leaves beside motion and timeline.

    Attributes:
        vertices: whether to write vertices and triangles; coefficients give them again.
        exports: further formats, see `outputs.exports.registry.FORMATS`.
        page: whether to write the HTML page.
        film_size: (width, height) of the film [pixels], None for no film.
        hair: whether the built-in head has hair in the film.
        captions, captions_file: words over the film, and where they were read.

    Raises:
        UsageError: captions without a film, or vertices that are wanted and not wanted.
    """

    vertices: bool = True
    exports: tuple[str, ...] = ()
    page: bool = False
    film_size: tuple[int, int] | None = None
    hair: bool = True
    captions: tuple[Caption, ...] = field(default=(), repr=False)
    captions_file: Path | None = None

    def __post_init__(self) -> None:
        if self.captions_file is not None and self.film_size is None:
            raise UsageError("--captions is for the film: add --render")
        if "npy" in self.exports and not self.vertices:
            raise UsageError("--export npy writes the vertices: leave it out, or --no-vertices")

    def suffixes(self, head_motion: bool = False, weights: bool = True) -> tuple[str, ...]:
        """Endings of all files, the sidecar after the arrays it describes.

        Args:
            head_motion: whether the head moves.
            weights: whether there are coefficients; vertex animators make none.
        """
        left_out = {
            *(() if weights else (WEIGHTS_SUFFIX,)),
            *(() if self.vertices else (VERTICES_SUFFIX, FACES_SUFFIX)),
        }
        motion = tuple(suffix for suffix in MOTION_SUFFIXES if suffix not in left_out)
        extra = [suffix for suffix in export_suffixes(self.exports) if suffix not in MOTION_SUFFIXES]
        asked = ((PAGE_SUFFIX, self.page), (FILM_SUFFIX, self.film_size), (HEAD_SUFFIX, head_motion))
        extra += [suffix for suffix, is_asked in asked if is_asked]
        return (*TIMELINE_SUFFIXES, *extra, *motion)

    def size(self, seconds: float, fps: float, head: Head) -> float:
        """About how many bytes the files of a recording take."""
        frames, count = round(seconds * fps), len(head.neutral)
        own = ("npy",) if self.vertices else ()
        exports = tuple(name for name in self.exports if name != "npy")
        size = export_size((*own, *exports), frames, count, len(head.faces), len(head.shape_names))
        size += seconds * TIMELINE + frames * NUMBER * len(head.shape_names)
        if self.page:
            size += PAGE[0] + PAGE[1] * seconds
        if self.film_size:
            size += seconds * FILM * self.film_size[0] * self.film_size[1] / 512**2
        return size


def timeline_suffixes(formats: Iterable[str] = (), plot: str | None = None) -> tuple[str, ...]:
    """What `diarize` leaves.

    Args:
        formats: further files by format (`rttm` and `csv` are there anyway).
        plot: `png` or `svg`, None for no plot.
    """
    wanted = set(formats)
    extra = tuple(suffix for name, suffix in FORMAT_SUFFIXES.items() if name in wanted)
    return (*TIMELINE_SUFFIXES, *extra, *((PLOT_SUFFIXES[plot],) if plot else ()))


def describe_timeline(timeline: EmotionTimeline, speakers: SpeakerFrames | None = None) -> dict[str, Any]:
    """Duration and segments, for JSON lines, each with its speaker where that is known."""
    if speakers is not None:
        segments = [
            describe_segment(segment) | {"speaker": name or None} for segment, name in speakers.segments(timeline)
        ]
        return {"duration": round(timeline.duration, 3), "segments": segments}
    return {
        "duration": round(timeline.duration, 3),
        "segments": [describe_segment(segment) for segment in timeline.segments()],
    }


def describe_segment(segment: Segment) -> dict[str, Any]:
    """Times, emotion and confidence, for JSON lines."""
    return {
        "onset": round(segment.onset, 3),
        "duration": round(segment.duration, 3),
        "emotion": segment.emotion,
        "confidence": round(segment.confidence, 3),
    }


def write_timeline(
    stem: Path,
    timeline: EmotionTimeline,
    formats: Iterable[str] = (),
    plot: str | None = None,
    audio: Path | None = None,
    speakers: SpeakerFrames | None = None,
) -> None:
    """Write `STEM.rttm` and `STEM.emotion.csv`, and what else is wanted (see `timeline_suffixes`).

    Args:
        stem: folder and name without suffix.
        timeline: of one recording.
        formats: further files by format.
        plot: `png` or `svg`, None for no plot.
        audio: the recording; a plot needs it.
        speakers: who speaks in every frame; segments are then cut at turns, and the CSV names the speaker.
    """
    segments, wanted = timeline.segments(), set(formats)
    if speakers is not None:
        segments = [segment for segment, _ in speakers.segments(timeline)]
    write_rttm(with_suffix(stem, ".rttm"), segments, stem.name)
    names = None if speakers is None else speakers.labels()
    write_emotion_csv(with_suffix(stem, ".emotion.csv"), timeline, names)
    if "json" in wanted:
        write_emotion_json(with_suffix(stem, FORMAT_SUFFIXES["json"]), timeline, stem.name)
    if "audacity" in wanted:
        write_labels(with_suffix(stem, FORMAT_SUFFIXES["audacity"]), segments)
    if "textgrid" in wanted:
        write_textgrid(with_suffix(stem, FORMAT_SUFFIXES["textgrid"]), timeline_tiers(timeline), timeline.duration)
    if plot and audio:
        from sedtalker_cli.render.plots.timeline import plot_timeline

        plot_timeline(with_suffix(stem, PLOT_SUFFIXES[plot]), timeline, audio, audio.name)


def write_animation(
    stem: Path, motion: Motion, folder: Path, files: AnimationFiles, progress: Progress = silent
) -> None:
    """Write everything that `animate` leaves.

    Args:
        stem: folder and name without suffix to write to.
        motion: to write, as `Pipeline.animate` makes it: with its emotions and its sound.
        folder: where the files will finally lie; the sidecar names the sound relative to it.
        files: what is written beside motion and timeline.
        progress: called as (stage, done, total).
    """
    assert motion.timeline is not None and motion.audio is not None
    audio = relative_path(motion.audio, folder)
    write_timeline(stem, motion.timeline)
    metadata: dict[str, Any] = {
        **motion.metadata,
        "vertices_file": f"{stem.name}{VERTICES_SUFFIX}" if files.vertices else None,
        "emotion_file": f"{stem.name}.emotion.csv",
        "audio": audio,
    }
    if motion.weights is not None:
        write_array(with_suffix(stem, WEIGHTS_SUFFIX), motion.weights)
        metadata["weights_file"] = f"{stem.name}{WEIGHTS_SUFFIX}"
    if motion.head_motion is not None:
        write_array(with_suffix(stem, HEAD_SUFFIX), motion.head_motion)
        metadata["head_motion_file"] = f"{stem.name}{HEAD_SUFFIX}"
    if motion.head.source is not None:
        from sedtalker_cli.face.custom import head_checksum

        source = motion.head.source
        metadata |= {"head_file": relative_path(source, folder), "head_sha256": head_checksum(source)}
    progress("writing", 0, 1)
    if files.vertices:
        write_array(with_suffix(stem, FACES_SUFFIX), motion.head.faces)
        metadata["faces_file"] = f"{stem.name}{FACES_SUFFIX}"
        write_motion(with_suffix(stem, VERTICES_SUFFIX), motion.stream(), motion.shape, metadata)
    else:
        write_sidecar(sidecar_path(with_suffix(stem, WEIGHTS_SUFFIX)), metadata)
    write_exports(stem, motion, [name for name in files.exports if name != "npy"], audio)
    if files.page:
        from sedtalker_cli.outputs.page import write_page

        write_page(with_suffix(stem, PAGE_SUFFIX), motion)
    if files.film_size:
        from sedtalker_cli.render.film import render_film
        from sedtalker_cli.render.view import View

        render_film(
            read_frames(with_suffix(stem, VERTICES_SUFFIX)) if files.vertices else motion.posed(),
            motion.head,
            motion.fps,
            with_suffix(stem, FILM_SUFFIX),
            audio=motion.audio,
            timeline=motion.timeline,
            head_motion=motion.head_motion,
            size=files.film_size,
            view=View(hair=files.hair),
            captions=files.captions,
            progress=progress,
        )
