"""`render --stream`: what arrives at a socket of this machine, read by hand; frames in time."""

import re
import socket
import struct

import numpy as np
import pytest

from sedtalker_cli.errors import UsageError
from sedtalker_cli.face.arkit import ARKIT_INDEX, ARKIT_NAMES
from sedtalker_cli.face.visemes import viseme_weights
from sedtalker_cli.formats.motion import write_array
from sedtalker_cli.outputs.streaming import Receiver, in_time
from tests.commands import call
from tests.conftest import tree
from tests.motions import write_talk

pytest.importorskip("pythonosc")


def read_text(content: bytes, place: int) -> tuple[str, int]:
    """OSC text: ends with a zero, filled with zeros to a multiple of 4 bytes."""
    end = content.index(b"\0", place)
    return content[place:end].decode(), place + 4 * ((end - place) // 4 + 1)


def read_bundle(content: bytes) -> list[tuple]:
    """(address, values...) of the messages of an OSC 1.0 bundle."""
    assert content[:8] == b"#bundle\0"
    place, found = 16, []
    while place < len(content):
        (size,) = struct.unpack_from(">i", content, place)
        message = content[place + 4 : place + 4 + size]
        address, at = read_text(message, 0)
        kinds, at = read_text(message, at)
        values = []
        for kind in kinds[1:]:
            if kind == "s":
                value, at = read_text(message, at)
            else:
                ((value,), at) = struct.unpack_from({"f": ">f", "i": ">i"}[kind], message, at), at + 4
            values.append(value)
        found.append((address, *values))
        place += 4 + size
    return found


@pytest.fixture
def ear():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(1)
        yield sock


def hear(ear, frames: int) -> list[dict[str, float]]:
    """Values by name of so many frames."""
    found, now = [], {}
    while len(found) < frames:
        content = ear.recv(65536)
        assert len(content) <= 1500  # one packet of the network
        for address, *values in read_bundle(content):
            if address == "/VMC/Ext/Blend/Apply":
                found.append(now)
                now = {}
            else:
                assert address == "/VMC/Ext/Blend/Val"
                now[values[0]] = values[1]
    return found


def talk(tmp_path, frames=4):
    """A motion of coefficients only: the jaw opens, the left eye shuts; one value is too large."""
    path = write_talk(tmp_path, frames=frames, emotions=True)
    weights = np.zeros((frames, 52), np.float32)
    weights[:, ARKIT_INDEX["jawOpen"]] = np.linspace(0, 0.8, frames)
    weights[:, ARKIT_INDEX["eyeBlinkLeft"]] = 1.2
    write_array(path.with_name("a.weights.npy"), weights)
    path.unlink()
    return path.with_name("a.weights.npy"), np.clip(weights, 0, 1)


def test_perfect_sync_arrives(tmp_path, ear):
    path, weights = talk(tmp_path)
    call("render", path, "--stream", f"osc://:{ear.getsockname()[1]}", "--out", tmp_path / "out")
    heard = hear(ear, 1)
    while heard[-1]["JawOpen"] < 0.79:  # a machine that is late leaves frames out, but never the last one
        heard += hear(ear, 1)
    capital = {name[0].upper() + name[1:]: k for name, k in ARKIT_INDEX.items()}
    assert set(heard[0]) == set(capital) and len(ARKIT_NAMES) == 52
    for values in heard:
        row = np.array([values[name] for name in capital])
        assert np.abs(weights[:, list(capital.values())] - row).max(1).min() < 1e-6
    assert heard[0]["JawOpen"] == 0 and heard[0]["EyeBlinkLeft"] == 1
    assert tree(tmp_path / "out") == []


def test_presets_arrive(tmp_path, ear):
    path, weights = talk(tmp_path)
    call("render", path, "--stream", f"osc://localhost:{ear.getsockname()[1]}/presets")
    (first,) = hear(ear, 1)
    assert set(first) == {*"AIUEO", "Blink_L", "Blink_R", "Joy", "Angry", "Sorrow"}
    assert first["Blink_L"] == 1 and first["Blink_R"] == 0
    assert first["A"] == pytest.approx(viseme_weights(weights[:1], ARKIT_NAMES)[0, 0], abs=1e-6)
    assert first["Angry"] == pytest.approx(0.5) and first["Joy"] == 0  # the emotions beside it


def test_frames_come_in_time_and_late_ones_are_left_out():
    clock = [100.0]
    seen = []

    def sleep(seconds):
        clock[0] += seconds

    for frame in in_time(10, 25, lambda: clock[0], sleep):
        seen.append((frame, round(clock[0] - 100, 3)))
        if frame == 3:
            clock[0] += 0.13  # the work of this frame takes more than three
        if frame == 8:
            clock[0] += 5
    assert seen == [(0, 0), (1, 0.04), (2, 0.08), (3, 0.12), (6, 0.25), (7, 0.28), (8, 0.32), (9, 5.32)]


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "http://127.0.0.1", "osc://a:b", "osc://:0", "osc://:1/x", "osc://:99999"]
)
def test_addresses_that_are_none(text):
    with pytest.raises(UsageError, match=re.escape(repr(text))):
        Receiver.parse(text)


def test_this_machine_is_the_default(tmp_path):
    assert Receiver.parse("osc://") == Receiver("127.0.0.1", 39539, False)
    assert Receiver.parse("osc://studio:9000/presets") == Receiver("studio", 9000, True)
    path, _ = talk(tmp_path)
    result = call("render", path, "--stream", "osc://", "--html", expect=2)
    assert "--stream writes no files" in result.stderr
    result = call("render", tmp_path / "none.npy", "--stream", "osc://", expect=1)
    assert "none.json: does not exist" in result.stderr
