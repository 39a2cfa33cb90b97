"""A motion sent to other programs while it plays: blendshapes as OSC messages of the VMC protocol.

Every frame is `/VMC/Ext/Blend/Val NAME VALUE` for each blendshape and `/VMC/Ext/Blend/Apply` at the end
(protocol.vmc.info/marionette-spec). Names are ARKit's with a capital letter, as avatars with "perfect sync" have
them; or the presets of VRM 0, which every VRM avatar has. Receivers distinguish capitals.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from sedtalker_cli.errors import InputError, UsageError
from sedtalker_cli.face.visemes import VISEMES, viseme_weights
from sedtalker_cli.motion.motion import Motion
from sedtalker_cli.progress import Progress, silent

LOOPBACK, PORT = "127.0.0.1", 39539  # where receivers of VMC listen
FORM = "osc://[HOST][:PORT][/presets], e.g. osc://127.0.0.1:39539"
DATAGRAM = 1400  # bytes; larger ones are cut on their way
VOWEL_PRESETS = dict(zip(VISEMES, "AIUEO", strict=True))
EMOTION_PRESETS = {"happy": "Joy", "angry": "Angry", "sad": "Sorrow"}


@dataclass(frozen=True)
class Receiver:
    """Where a motion is sent to.

    Attributes:
        host, port: of the program that listens (UDP).
        presets: whether it is sent VRM's presets instead of ARKit's 52.
    """

    host: str = LOOPBACK
    port: int = PORT
    presets: bool = False

    @classmethod
    def parse(cls, text: str) -> Receiver:
        """From `osc://[HOST][:PORT][/presets]`; without a host it is this machine.

        Raises:
            UsageError: it has another form, or python-osc is not installed.
        """
        try:
            parts = urlsplit(text)
            port = PORT if parts.port is None else parts.port
        except ValueError:
            raise UsageError(f"--stream {text!r}: is not {FORM}") from None
        path = parts.path.strip("/")
        if parts.scheme != "osc" or path not in ("", "presets") or not 0 < port < 65536 or parts.query:
            raise UsageError(f"--stream {text!r}: is not {FORM}")
        try:
            import pythonosc  # noqa: F401
        except ImportError:
            raise UsageError('--stream needs python-osc: pip install "sedtalker[osc]"') from None
        return cls(parts.hostname or LOOPBACK, port, path == "presets")


def stream_motion(motion: Motion, receiver: Receiver, progress: Progress = silent) -> None:
    """Send a motion in real time; frames whose time has passed are left out.

    Args:
        motion: with coefficients.
        receiver: where to.
        progress: called as (stage, done, total) with frames.

    Raises:
        InputError: the motion has vertices only, or the receiver's host is not known.
    """
    names, values = presets(motion) if receiver.presets else perfect_sync(motion)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise InputError(f"--stream: {receiver.host}: {error.strerror or error}") from None
    with socket.socket(family, kind, protocol) as sender:
        for frame in in_time(motion.frames, motion.fps):
            for datagram in datagrams(names, values[frame]):
                sender.sendto(datagram, address)
            progress("streaming", frame + 1, motion.frames)


def in_time(
    frames: int, fps: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[int]:
    """Numbers of frames, each when its time has come; those that are late are left out, but for the last one.

    Args:
        frames: T; frame k is due k / fps after the first.
        fps: frames a second.
        now, sleep: a clock in s, and what waits on it.
    """
    begin, frame = now(), 0
    while frame < frames:
        early = begin + frame / fps - now()
        if early > 0:
            sleep(early)
        yield frame
        frame = max(frame + 1, min(int((now() - begin) * fps), frames - 1))


def perfect_sync(motion: Motion) -> tuple[list[str], np.ndarray]:
    """Names of ARKit's shapes as avatars have them, and their values (T, K) from 0 to 1."""
    names = [name[0].upper() + name[1:] for name in motion.head.shape_names]
    return names, np.clip(motion.shape_weights(), 0.0, 1.0)


def presets(motion: Motion) -> tuple[list[str], np.ndarray]:
    """Names of VRM 0's presets, and their values (T, K) from 0 to 1: vowels, blinks, and emotions if they are known."""
    weights, names = motion.shape_weights(), motion.head.shape_names
    found = dict(zip(VOWEL_PRESETS.values(), viseme_weights(weights, names).T, strict=True))
    for side in ("Left", "Right"):
        found[f"Blink_{side[0]}"] = weights[:, names.index(f"eyeBlink{side}")]
    if motion.timeline is not None:
        posteriors, intensity = motion.timeline.sample(np.arange(motion.frames) / motion.fps)
        for ours, name in EMOTION_PRESETS.items():
            if ours in motion.timeline.classes:
                found[name] = posteriors[:, motion.timeline.classes.index(ours)] * intensity
    return list(found), np.clip(np.stack(list(found.values()), axis=1), 0.0, 1.0)


def datagrams(names: list[str], values: np.ndarray) -> Iterator[bytes]:
    """OSC bundles of one frame (K,), none larger than `DATAGRAM`; the last one ends with Apply."""
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder

    messages = []
    for name, value in zip(names, values.tolist(), strict=True):
        message = OscMessageBuilder("/VMC/Ext/Blend/Val")
        message.add_arg(name, "s")
        message.add_arg(value, "f")
        messages.append(message.build())
    messages.append(OscMessageBuilder("/VMC/Ext/Blend/Apply").build())
    bundle, size = OscBundleBuilder(IMMEDIATELY), 16  # of its head
    for message in messages:
        if size + message.size + 4 > DATAGRAM:
            yield bundle.build().dgram
            bundle, size = OscBundleBuilder(IMMEDIATELY), 16
        bundle.add_content(message)
        size += message.size + 4
    yield bundle.build().dgram
