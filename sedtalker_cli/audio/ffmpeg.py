"""Decoding through ffmpeg's binary, for containers that libsndfile does not know (m4a, webm, film...)."""

import re
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.clocks import PacketClock, has_zero, says_priming
from sedtalker_cli.audio.headers import PIPED, bytes_named
from sedtalker_cli.audio.track import Track
from sedtalker_cli.errors import InputError

# Playlists and scripts (hls, concat...) could make ffmpeg open other files or addresses: containers only.
DEMUXERS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv"
PIPE_BYTES = 1 << 20
GAP = 0.04  # s between timestamps and samples that is made up for; less is rounding and jitter of clocks
# Ten seconds without packets are a pause here, not a new clock; timestamps that jump by more than hours mean nothing.
JUMPS = ("-dts_delta_threshold", "60", "-dts_error_threshold", "36000")
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_SHORT = 0.25  # s by which a container may overstate its sound
_WINDOWS_MEDIA = ("wmav1", "wmav2")


def sound_input(path: Path) -> list[str]:
    """Arguments with which ffmpeg reads a sound file of any name, but no other file that it refers to."""
    return ["-protocol_whitelist", "file", "-format_whitelist", DEMUXERS, "-i", f"file:{path}"]


def open_with_ffmpeg(path: Path, reason: str) -> Track:
    """Decode the first sound track on the presentation clock of its container: late sound begins late, gaps are silent.

    Args:
        path: an existing file.
        reason: why libsndfile refused it, for the message.

    Returns:
        the track; more than two channels are mixed to two, as players do.

    Raises:
        InputError: ffmpeg is missing, or there is nothing that it can decode.
    """
    program = _binary(path, reason)
    absolute = has_zero(path)
    clock = ["-copyts"] if absolute else []
    packets, said = _first_packets([program, "-nostdin", "-hide_banner", *clock, *sound_input(path)])
    if packets is None:
        raise _refusal(path, said, reason)
    zero = packets.zero(absolute, says_priming(path))
    # Their decoder drops two frames at the start, where encoding has put only one.
    whole = ["-flags2", "+skip_manual"] if packets.codec in _WINDOWS_MEDIA else []
    fit = f"aresample={packets.rate}:async=1:min_hard_comp={GAP}:first_pts={round(zero * packets.rate)}"
    command = [
        *(program, "-nostdin", "-v", "error", *clock, *JUMPS, *whole, *sound_input(path)),
        *("-map", "0:a:0", "-vn", "-af", f"aformat=channel_layouts=mono|stereo,{fit}", "-max_error_rate", "1"),
        *("-map_metadata", "-1", "-fflags", "+bitexact", "-c:a", "pcm_f32be", "-f", "au", "-"),
    ]
    if packets.has_picture:  # or the clock of MPEG's streams would begin with the sound
        command += ["-map", "0:V:0", "-c", "copy", "-f", "null", "-"]
    promised = None if packets.has_picture else _promised(said, zero if absolute else 0.0)
    return _Decoding(path, command, reason, packets, promised).track()


def _first_packets(command: list[str]) -> tuple[PacketClock | None, str]:
    """List packets until sound and picture have each had one; gives what ffmpeg said as well."""
    listing = ["-map", "0:a:0", "-map", "0:V?", "-c", "copy", "-flush_packets", "1", "-f", "framecrc", "-"]
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(
            [*command, *listing], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
        )
        try:
            packets = PacketClock.parse(line.decode("ascii", "replace") for line in process.stdout)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        messages.seek(0)
        return packets, messages.read(1 << 16).decode("utf-8", "replace")


class _Decoding:
    """A running ffmpeg whose output becomes a track."""

    def __init__(self, path: Path, command: list[str], reason: str, packets: PacketClock, promised: float | None):
        self.path, self.reason, self.packets, self.promised = path, reason, packets, promised
        self.notes: list[str] = []
        self.messages = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.messages, bufsize=PIPE_BYTES
        )

    def track(self) -> Track:
        try:
            channels = self._read_header()
        except BaseException:
            self._close()
            raise
        is_float = self.packets.codec.startswith("pcm_f")
        return Track(self.packets.rate, channels, self._blocks(channels), self.notes, is_float)

    def _read_header(self) -> int:
        """Number of channels, from the header of Sun's AU: magic, offset of the samples, size, encoding, rate."""
        header = self.process.stdout.read(24)
        if len(header) < 24 or header[:4] != b".snd":
            raise self._failure()
        self.process.stdout.read(int.from_bytes(header[4:8], "big") - 24)
        return int.from_bytes(header[20:24], "big")

    def _blocks(self, channels: int) -> Generator[np.ndarray, None, None]:
        frame, done, rest = 4 * channels, 0, b""
        try:
            while data := self.process.stdout.read(PIPE_BYTES):
                data = rest + data
                whole = len(data) // frame * frame
                rest = data[whole:]
                done += whole // frame
                yield np.frombuffer(data[:whole], ">f4").astype(np.float32).reshape(-1, channels)
            code = self.process.wait()
            self._judge(done, code)
        finally:
            self._close()

    def _judge(self, done: int, code: int) -> None:
        """Note what was damaged or is missing, from what ffmpeg said and what the container promised."""
        seconds, said = done / self.packets.rate, self._said()
        if not done:
            raise self._failure()
        if code or said:
            first = re.sub(r"^(\[[^\]]*\] )+", "", (said.splitlines() or ["it ended early"])[0]).strip()
            self.notes.append(f"damaged or cut off ({first}): read as far as possible, {seconds:.2f} s")
        elif (named := bytes_named(self.path))[1] < 0.99 * named[0] < PIPED:
            self.notes.append(f"cut off: {named[1]} of the {named[0]} bytes that its header names are there")
        elif self.promised is not None and seconds < self.promised - max(_SHORT, 0.01 * self.promised):
            self.notes.append(f"cut off: {seconds:.2f} s of the {self.promised:.2f} s that its header names are there")

    def _failure(self) -> InputError:
        self.process.wait()
        return _refusal(self.path, self._said(), self.reason)

    def _said(self) -> str:
        self.messages.seek(0)
        return self.messages.read(4000).decode("utf-8", "replace")

    def _close(self) -> None:
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()
        self.messages.close()


def _promised(said: str, zero: float) -> float | None:
    """Length in s that the container's header names, where it is more than a guess; its clock begins at `zero`."""
    found = _DURATION.search(said)
    if found is None or "may be inaccurate" in said:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) - zero


def _refusal(path: Path, said: str, reason: str) -> InputError:
    if "matches no streams" in said:
        return InputError(f"{path}: holds no sound track; give a file with sound")
    return InputError(f"{path}: is not a sound file that can be decoded ({reason.rstrip('.')}); convert it to wav")


def _binary(path: Path, reason: str) -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return get_ffmpeg_exe()
    except RuntimeError as error:
        raise InputError(
            f"{path}: {reason.rstrip('.')}, and no ffmpeg was found to try; install ffmpeg or convert the file to wav"
        ) from error
