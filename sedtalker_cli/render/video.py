"""Writing films: raw frames through a pipe into ffmpeg, H.264 and AAC in MP4, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import tempfile
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np

from sedtalker_cli.audio.writing import write_sound
from sedtalker_cli.errors import InputError, SedtalkerError

SOUND_RATE = 48000  # Hz
_BUFFERS = 3  # one being drawn, one waiting, one being written


def find_ffmpeg() -> str:
    """Path of the ffmpeg binary that imageio-ffmpeg brings or finds.

    Raises:
        SedtalkerError: There is none.
    """
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as exc:
        raise SedtalkerError("no ffmpeg to write films with: reinstall the package imageio-ffmpeg") from exc


def ffmpeg_arguments(size: tuple[int, int], rate: Fraction, frames: int, audio: Path | None) -> list[str]:
    """Arguments that make a film of raw frames from standard input, without program name and output.

    Args:
        size: Width and height, even [pixels].
        rate: Frames a second.
        frames: Length of the film.
        audio: Sound as FLAC; padded with silence or cut to the film's length.
    """
    fps = f"{rate.numerator}/{rate.denominator}"
    seconds = f"{float(frames / rate):.6f}"
    video_in = ["-f", "rawvideo", "-pix_fmt", "rgb0", "-s", f"{size[0]}x{size[1]}", "-framerate", fps, "-i", "pipe:0"]
    audio_in = [] if audio is None else ["-f", "flac", "-i", f"file:{audio}"]
    # One matrix is used and named, so that players show the colours that were drawn.
    colour = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    video = ["-map", "0:v:0", "-vf", f"scale=out_color_matrix=bt709:out_range=tv,{colour}"]
    # A fixed number of threads: x264's result depends on it.
    video += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "2", "-pix_fmt", "yuv420p"]
    video += ["-frames:v", str(frames)]
    sound: list[str] = []
    if audio is not None:
        fit = f"apad=whole_dur={seconds},atrim=end={seconds}"
        sound = ["-map", "1:a:0", "-af", fit, "-c:a", "aac", "-b:a", "128k"]
    plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]
    plain += ["-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    return [*video_in, *audio_in, *video, *sound, *plain, "-movflags", "+faststart", "-f", "mp4"]


class VideoWriter:
    """Writes one film; use as a context manager. The target appears when the block ends well, else nothing stays.

    Frames are handed over in arrays that the writer owns: `frame = writer.borrow()`, fill it, `writer.submit(frame)`.
    Writing happens in a thread of its own, so that drawing the next frame need not wait for the encoder.

    Args:
        path: The film.
        size: Width and height [pixels], even.
        fps: Frames a second.
        frames: How many will come.
        audio: Sound file to mux in, in any format that can be heard.

    Raises:
        InputError: The folder cannot be written or the sound does not exist.
        SedtalkerError: There is no ffmpeg.
    """

    def __init__(
        self, path: str | Path, size: tuple[int, int], fps: float, frames: int, audio: str | Path | None = None
    ) -> None:
        if size[0] % 2 or size[1] % 2 or min(size) < 2:
            raise ValueError(f"film sizes must be even, not {size[0]}x{size[1]}")
        self.path = Path(path)
        self._size, self._frames = size, frames
        self._rate = Fraction(fps).limit_denominator(1001)
        self._audio = None if audio is None else Path(audio).resolve()
        if self._audio is not None and not self._audio.is_file():
            raise InputError(f"{audio}: no such sound file")
        self._failure: BaseException | None = None
        self._submitted = 0

    def __enter__(self) -> VideoWriter:
        program = find_ffmpeg()
        self._sound = None if self._audio is None else self._write_sound(self._audio)
        try:
            return self._start(program)
        except BaseException:
            self._remove_sound()
            raise

    def _write_sound(self, audio: Path) -> Path:
        """What was heard, on the clock that it was heard by, as a temporary file for ffmpeg."""
        handle, name = tempfile.mkstemp(suffix=".flac")
        os.close(handle)
        try:
            write_sound(audio, name, float(self._frames / self._rate), rate=SOUND_RATE)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _remove_sound(self) -> None:
        if self._sound is not None:
            self._sound.unlink(missing_ok=True)

    def _start(self, program: str) -> VideoWriter:
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.stem}.", suffix=".part", dir=self.path.parent)
        except OSError as exc:
            raise InputError(f"{self.path}: cannot be written ({exc.strerror})") from exc
        os.close(handle)
        self._temporary = Path(name)
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115
        command = [program, "-hide_banner", "-loglevel", "error", "-nostats", "-y"]
        command += [*ffmpeg_arguments(self._size, self._rate, self._frames, self._sound), f"file:{name}"]
        try:
            # Its own session: an interrupt of the terminal is for us, who then end it and clean up.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._messages, start_new_session=True
            )
        except OSError as exc:
            self._temporary.unlink(missing_ok=True)
            self._messages.close()
            raise SedtalkerError(f"ffmpeg cannot be started ({exc.strerror}): {program}") from exc
        width, height = self._size
        self._free: queue.Queue[np.ndarray] = queue.Queue()
        for _ in range(_BUFFERS):
            self._free.put(np.zeros((height, width, 4), np.uint8))
        self._full: queue.Queue[np.ndarray | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write_all, name="film writer", daemon=True)
        self._thread.start()
        return self

    def borrow(self) -> np.ndarray:
        """Get an array for the next frame: (height, width, 4) uint8, holding some earlier frame.

        Raises:
            InputError: ffmpeg has given up.
        """
        frame = self._free.get()
        if self._failure is not None:
            self._raise_failure()
        return frame

    def submit(self, frame: np.ndarray) -> None:
        """Hand over a borrowed array as the next frame."""
        self._submitted += 1
        self._full.put(frame)

    def _write_all(self) -> None:
        """Feed ffmpeg until the end mark comes; after a failure only hand the arrays back."""
        assert self._process.stdin is not None
        while (frame := self._full.get()) is not None:
            if self._failure is None:
                try:
                    self._process.stdin.write(memoryview(frame).cast("B"))
                except (OSError, ValueError) as exc:
                    self._failure = exc
            self._free.put(frame)
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self._process.kill()
            self._full.put(None)
            self._thread.join()
            code = self._process.wait()
            if kind is not None:
                return
            if self._failure is not None or code != 0:
                self._raise_failure()
            if self._submitted != self._frames:
                raise ValueError(f"{self._submitted} frames were submitted, {self._frames} promised")
            umask = os.umask(0)
            os.umask(umask)
            self._temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner may read
            os.replace(self._temporary, self.path)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._messages.close()
            self._temporary.unlink(missing_ok=True)
            self._remove_sound()

    def _raise_failure(self) -> None:
        """Raise what ffmpeg said, in one line."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._messages.seek(0)
        text = self._messages.read(4000).decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = "; ".join(lines[:2]).replace(str(self._temporary), str(self.path)) or str(
            self._failure or f"it ended with status {self._process.returncode}"
        )
        raise InputError(f"{self.path}: ffmpeg could not write the film: {said}")
