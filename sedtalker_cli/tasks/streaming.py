"""Motions that are sent to another program, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sedtalker_cli.batch.inputs import BadInput, Job
from sedtalker_cli.errors import InputError
from sedtalker_cli.motion.reading import read_motion
from sedtalker_cli.outputs.streaming import Receiver, stream_motion
from sedtalker_cli.progress import Progress, silent

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head

__all__ = ["Receiver", "stream_motions"]


def stream_motions(
    jobs: Sequence[Job],
    bad: Sequence[BadInput],
    receiver: Receiver,
    head: Head | None = None,
    progress: Progress = silent,
) -> None:
    """Play motions in order, in real time.

    Args:
        jobs, bad: as `batch.inputs.collect_jobs` gives them.
        receiver: where to.
        head: whose shapes are named, instead of the head of the sidecars.
        progress: called as (stage, done, total) with frames.

    Raises:
        InputError: one cannot be read; none is played then.
    """
    if bad:
        raise InputError(bad[0].message)
    motions = [read_motion(job.source, head=head) for job in jobs]
    for motion in motions:
        motion.shape_weights()
    for motion in motions:
        stream_motion(motion, receiver, progress)
