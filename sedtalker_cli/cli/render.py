"""`sedtalker render`: films of motions that `animate` wrote."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.console import session

EXAMPLES = """\b
Examples:
  sedtalker render speech.npy
  sedtalker render speech.npy --audio dubbed.wav --size 720x720 --out films/
  sedtalker render results/ --recursive --out films/

\b
STEM.npy needs its sidecar STEM.json beside it. STEM.emotion.csv beside it becomes the strip
under the face; the sound is --audio, or the file that the sidecar names if it is still there. A
head motion that the sidecar names (STEM.head.npy) moves the head in front of the camera."""


def render(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="MOTION.npy", readable=False, help="Motions, or folders of them.")
    ] = None,
    list_file: opt.ListFile = None,
    recursive: opt.Recursive = False,
    audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sound of the film (only with one motion).")
    ] = None,
    out: opt.Out = Path("."),
    size: opt.Size = "512x512",
    device: Annotated[
        opt.Device, typer.Option("--device", help="Accepted for all commands alike; drawing uses OpenGL.")
    ] = opt.Device.auto,
    overwrite: opt.Overwrite = False,
    resume: opt.Resume = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
) -> None:
    """Film motions: STEM.npy becomes STEM.mp4."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli import __version__, batch, outputs
        from sedtalker_cli import inputs as found
        from sedtalker_cli.audio import check_file
        from sedtalker_cli.errors import UsageError

        jobs, bad = found.collect_jobs(
            inputs or [],
            accepts=outputs.is_motion_name,
            stem=lambda path: path.name.removesuffix(".npy"),
            list_file=list_file,
            recursive=recursive,
        )
        if audio is not None:
            if len(jobs) + len(bad) > 1:
                raise UsageError("--audio is for one motion; films of several take the sound their sidecars name")
            check_file(audio)
        plan = batch.Plan("render", out, (outputs.FILM_SUFFIX,), overwrite, resume, (audio,) if audio else ())
        batch.check_plan(jobs, plan)
        if jobs:
            from sedtalker_cli.render import ensure_opengl

            ensure_opengl()

        def work(job: found.Job, stem: Path, progress) -> dict:
            film = outputs.with_suffix(stem, outputs.FILM_SUFFIX)
            return outputs.render_motion(job.source, film, audio=audio, size=size, progress=progress)

        settings = {"version": __version__, "size": list(size)}
        with console.progress_bars(len(jobs)):
            results = batch.run_batch(
                jobs,
                plan,
                work,
                lambda job: settings,
                console,
                bad=bad,
                sources=lambda job: outputs.film_inputs(job.source, audio),
            )
        console.summary(results)
        raise typer.Exit(batch.exit_status(results))
