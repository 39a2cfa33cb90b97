"""`sedtalker animate`: a 3D face that says and means what is heard."""

from pathlib import Path
from typing import Annotated

import typer

from sedtalker_cli.cli import options as opt
from sedtalker_cli.cli.batches import choose_engine, find_sound, run
from sedtalker_cli.cli.console import session
from sedtalker_cli.cli.panels import emotion_option, input_option, machine_option, motion_option, output_option

EXAMPLES = """\b
Every input leads to STEM.npy (vertices), STEM.json (what they are), STEM.weights.npy (ARKit
coefficients), STEM.faces.npy (triangles), STEM.rttm and STEM.emotion.csv (the emotions used).
--render adds STEM.mp4, --html STEM.html, --head-motion on STEM.head.npy (a 4 x 4 matrix a frame;
vertices stay in the head's frame; films, page and scene formats apply it).

\b
--export adds what other programs open: arkit-csv STEM.arkit.csv, arkit-npy STEM.arkit.npy, glb
STEM.glb, usd STEM.usd, usdz STEM.usdz, vrma STEM.vrma, vrma-arkit STEM.arkit.vrma, pc2 and mdd
STEM.pc2 and STEM.mdd with STEM.neutral.obj, obj (or --obj) the folder STEM.obj/.

\b
An override without intensity shows the emotion in full (1.0; neutral: 0). Its edges are
cross-faded over 0.2 s; time that it does not cover keeps what was detected.

\b
The rows of a CSV --list may have their own emotion_override and identity, which win over the
options, and the speaker for --adapt; sedtalker diarize --help says what that needs.

\b
Examples:
  sedtalker animate speech.wav --render
  sedtalker animate speech.wav --emotion-override "0-2.5=angry:0.9,2.5-=sad:0.4" --html"""


def animate(
    inputs: opt.Inputs = None,
    recursive: opt.Recursive = False,
    list_file: opt.ListFile = None,
    speakers: opt.Speakers = None,
    strict: opt.Strict = False,
    speaker: Annotated[
        str | None,
        input_option(metavar="NAME", help="Whose face it is, of --speakers; it rests while others talk."),
    ] = None,
    emotion_override: Annotated[
        str | None,
        emotion_option(
            metavar="SPEC",
            help="EMOTION[:INTENSITY], START-END=EMOTION[:INTENSITY],... in seconds, or a file: .rttm, "
            ".emotion.csv, .TextGrid, Audacity .txt.",
        ),
    ] = None,
    emotion_gain: Annotated[
        float,
        emotion_option(metavar="X", help="Factor of the emotion's intensity (result kept within 0 and 1)."),
    ] = 1.0,
    expression: opt.ExpressionOption = opt.Expression.alive,
    adapt: opt.Adapt = False,
    identity: Annotated[str | None, motion_option(metavar="NAME", help="Whose face; see --list-identities.")] = None,
    head: opt.HeadFile = None,
    head_motion: Annotated[
        opt.Switch, motion_option(help="Gentle motion of the whole head, as matrices in STEM.head.npy.")
    ] = opt.Switch.off,
    fps: Annotated[int, motion_option(metavar="25|30|50|60", help="Frames a second.")] = 30,
    lip_gain: Annotated[
        float,
        motion_option(metavar="X", help="Factor of the mouth's movements of speech; closed lips stay closed."),
    ] = 1.0,
    smooth: Annotated[
        float,
        motion_option(metavar="SECONDS", help="Even out movements shorter than this, without delay; 0 (off) to 1."),
    ] = 0.0,
    idle: Annotated[opt.Switch, motion_option(help="Blinks and small movements, breath in pauses.")] = opt.Switch.on,
    seed: Annotated[int, motion_option(min=0, help="Seed of blinks and small movements.")] = 0,
    list_identities: Annotated[
        bool, motion_option("--list-identities", help="List the built-in identities and exit.")
    ] = False,
    out: opt.Out = Path("."),
    render: Annotated[bool, output_option("--render", help="Also film it: STEM.mp4 with the sound.")] = False,
    html: opt.Html = False,
    export: opt.Export = None,
    overwrite: opt.Overwrite = False,
    no_vertices: Annotated[
        bool,
        output_option(
            "--no-vertices",
            help="Write ARKit coefficients (STEM.weights.npy) and sidecar, but no vertices: `render` makes them again.",
        ),
    ] = False,
    size: opt.Size = "512x512",
    hair: opt.Hair = opt.Switch.on,
    captions: opt.CaptionFile = None,
    obj: Annotated[bool, output_option("--obj", help="Same as --export obj.")] = False,
    summary: opt.Summary = None,
    resume: opt.Resume = False,
    processes: opt.Jobs = 1,
    shard: opt.Shard = None,
    engine: opt.EngineOption = opt.Engine.local,
    address: opt.Address = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
    debug: opt.Debug = False,
    device: opt.DeviceOption = opt.Device.auto,
    model: opt.Model = None,
    animator: Annotated[
        Path | None,
        machine_option(
            metavar="DIR",
            help="Animator checkpoint instead of the bundled one; one of vertices needs --head TEMPLATE and may "
            "be given as --model, too.",
        ),
    ] = None,
    encoder: opt.Encoder = None,
    animator_encoder: Annotated[
        str | None,
        machine_option(metavar="NAME", help="Encoder of a vertex animator, where its checkpoint cannot name it."),
    ] = None,
    scan_backend: opt.ScanBackend = opt.Scan.auto,
    precision: opt.PrecisionOption = opt.Precision.auto,
) -> None:
    """Animate a 3D face from recordings: mesh motion, ARKit coefficients, and a film if wanted."""
    with session(quiet, as_json, debug) as console:
        from sedtalker_cli.batch.inputs import choose_part
        from sedtalker_cli.batch.processing import Plan
        from sedtalker_cli.batch.run import check_plan
        from sedtalker_cli.batch.space import check_space
        from sedtalker_cli.tasks import animate as tasks
        from sedtalker_cli.tasks.named_files import given_captions
        from sedtalker_cli.tasks.summary import check_summary
        from sedtalker_cli.tasks.who_speaks import WhoSpeaks

        if list_identities:
            typer.echo("\n".join(tasks.list_identities()))
            raise typer.Exit
        options = tasks.AnimateOptions(
            emotion_override=emotion_override,
            emotion_gain=emotion_gain,
            lip_gain=lip_gain,
            smooth=smooth,
            identity=identity,
            head=head,
            fps=fps,
            seed=seed,
            idle=idle is opt.Switch.on,
            head_motion=head_motion is opt.Switch.on,
            expression=expression.value,
        )
        named, faults = find_sound(console, inputs, list_file, recursive)
        jobs, bad = choose_part(named, faults, shard)
        files = tasks.AnimationFiles(
            vertices=not no_vertices,
            exports=tasks.parse_formats([*(export or []), *(["obj"] if obj else [])]),
            page=html,
            film_size=size if render else None,
            hair=hair is opt.Switch.on,
            captions=given_captions(captions, len(named) + len(faults), strict) if render else (),
            captions_file=captions,
        )
        models = tasks.ModelOptions(
            device=device.value,
            encoder=encoder,
            diarizer=model,
            animator=animator,
            animator_encoder=animator_encoder,
            scan_backend=scan_backend.value,
            precision=precision.value,
        )
        who = WhoSpeaks(speakers, speaker, strict)
        who.check(adapt)
        everyone = tuple(named) if adapt else ()
        task = tasks.AnimateTask(models, everyone, out, options, files, who=who, summary=summary is not None)
        plan = Plan("animate", out, task.suffixes, overwrite, resume, task.protected(named), shard, summary)
        check_plan(named, plan, jobs)
        task.check(named, strict)
        check_space(jobs, plan, task)
        if jobs and processes == 1:  # workers open OpenGL themselves
            task.check_renderer()
        check_summary(plan, named)
        run(console, jobs, bad, plan, task, choose_engine(processes, engine, address))
