"""`sedtalker render`: films, pictures and exports of motions that `animate` wrote."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.batches import choose_engine, run
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.panels import input_option, machine_option, output_option, picture_option
from sedtalker_cli.cli.stages import stage_bar

EXAMPLES = """\b
STEM.npy needs its sidecar STEM.json beside it; STEM.weights.npy serves as well (animate
--no-vertices). STEM.emotion.csv beside it becomes the strip under the face; the sound is --audio,
or the file that the sidecar names if it is still there. A head motion that the sidecar names
(STEM.head.npy) moves the head in front of the camera. Without --png, --sheet, --html or --export
a film is made; with them, add --film for it.

\b
Examples:
  sedtalker render speech.npy --camera close --size 720x720
  sedtalker render --compare angry.npy sad.npy happy.npy --sheet --frames 8"""


def render(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MOTION.npy",
            readable=False,
            allow_dash=True,
            help="Motions (STEM.npy, or STEM.weights.npy), folders of them, quoted patterns, or - to read paths from "
            "standard input.",
        ),
    ] = None,
    recursive: opt.Recursive = False,
    list_file: opt.ListFile = None,
    strict: opt.Strict = False,
    audio: Annotated[
        Path | None, input_option(metavar="FILE", help="Sound of the film (only with one motion, or --compare).")
    ] = None,
    head: opt.HeadFile = None,
    out: opt.Out = Path("."),
    film: Annotated[bool, output_option("--film", help="Make STEM.mp4 also with the options below.")] = False,
    html: opt.Html = False,
    export: opt.Export = None,
    png: Annotated[bool, output_option("--png", help="Write the frames as pictures: STEM.png/000000.png...")] = False,
    sheet: Annotated[
        bool, output_option("--sheet", help="Write one picture with frames over time: STEM.sheet.png; a row a motion.")
    ] = False,
    stream: Annotated[
        str | None,
        output_option(
            metavar="osc://[HOST][:PORT]",
            help="Write nothing, but play: send ARKit blendshapes to a program that listens to the VMC protocol "
            "(Unity, VSeeFace, Warudo ...), on this machine's port 39539 by default; /presets at the end sends VRM's.",
        ),
    ] = None,
    overwrite: opt.Overwrite = False,
    frames: Annotated[int, output_option(min=1, max=200, help="How many frames of a motion a sheet has.")] = 10,
    sheet_width: Annotated[
        int, output_option(min=64, max=16384, help="Pixels that a sheet is wide at most; its pictures shrink to fit.")
    ] = 4096,
    size: opt.Size = "512x512",
    camera: Annotated[opt.Camera, picture_option(help="Where it stands; it frames the head by itself.")] = (
        opt.Camera.front
    ),
    background: Annotated[
        str, picture_option(metavar="COLOR", help="Name, #rrggbb, gradient, or (with --png) transparent.")
    ] = "gradient",
    shadow: Annotated[bool, picture_option("--shadow", help="Let the key light throw shadows.")] = False,
    hair: opt.Hair = opt.Switch.on,
    captions: opt.CaptionFile = None,
    compare: Annotated[
        bool, picture_option("--compare", help="Show all motions side by side: FIRST.compare.mp4.")
    ] = False,
    title: Annotated[
        list[str] | None, picture_option(metavar="TEXT", help="Title of a compared motion; once for each of them.")
    ] = None,
    heatmap: Annotated[
        Path | None,
        picture_option(metavar="REF.npy", help="Colour the face by its distance from this motion: STEM.heatmap.mp4."),
    ] = None,
    resume: opt.Resume = False,
    processes: opt.Jobs = 1,
    shard: opt.Shard = None,
    engine: opt.EngineOption = opt.Engine.local,
    address: opt.Address = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    device: Annotated[
        opt.Device, machine_option("--device", help="Accepted for all commands alike; drawing uses OpenGL.")
    ] = opt.Device.auto,
) -> None:
    """Film motions: STEM.npy becomes STEM.mp4, pictures, a page, or files for other programs."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli.batch.inputs import choose_part, collect_jobs
        from sedtalker_cli.batch.processing import Plan
        from sedtalker_cli.batch.run import check_plan
        from sedtalker_cli.batch.space import check_space
        from sedtalker_cli.tasks import render as tasks
        from sedtalker_cli.tasks.named_files import given_captions, given_head

        named, faults = collect_jobs(
            inputs or [],
            accepts=tasks.is_motion_name,
            stem=tasks.motion_stem,
            list_file=list_file,
            recursive=recursive,
        )
        formats = tasks.parse_formats(export or [])
        if stream is not None:
            from sedtalker_cli.errors import UsageError
            from sedtalker_cli.tasks.streaming import Receiver, stream_motions

            receiver = Receiver.parse(stream)
            if film or png or sheet or html or formats or compare:
                raise UsageError("--stream writes no files: leave out --film, --html, --export and the like")
            with stage_bar(quiet) as (_, progress):
                stream_motions(named, faults, receiver, given_head(head), progress)
            raise typer.Exit
        options = tasks.RenderOptions(
            film=film or not (png or sheet or html or formats),
            png=png,
            page=html,
            sheet=frames if sheet else 0,
            sheet_width=sheet_width,
            exports=formats,
            compare=compare,
            titles=tuple(title or ()),
            reference=heatmap,
            size=size,
            view=tasks.View(camera.value, tasks.parse_background(background), shadow, hair is opt.Switch.on),
            audio=audio,
            head=given_head(head),
            head_file=head,
            captions=given_captions(captions, 1 if compare else len(named) + len(faults), strict),
            captions_file=captions,
        )
        task = tasks.RenderTask(options, out, tuple(job.source for job in named) if compare else ())
        task.check(named, len(faults))
        protected = task.protected(named)
        if compare:
            named = named[:1]
        jobs, bad = choose_part(named, faults, shard)
        plan = Plan("render", out, options.suffixes, overwrite, resume, protected, shard)
        check_plan(named, plan, jobs)
        check_space(jobs, plan, task)
        run(console, jobs, bad, plan, task, choose_engine(processes, engine, address))
