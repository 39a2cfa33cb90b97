"""What a sound file holds, channel by channel: libsndfile where it knows the format, ffmpeg for the rest."""

import os
import re
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from sedtalker_cli.audio.clocks import PRIMING
from sedtalker_cli.audio.headers import PIPED, bytes_named
from sedtalker_cli.audio.ogg import Link, ogg_links
from sedtalker_cli.audio.track import Track
from sedtalker_cli.errors import InputError

MIN_FILE_RATE, MAX_FILE_RATE = 1000, 1_000_000
READ_VALUES = 1 << 18  # values decoded at once, over all channels
_ENDLESS = 1 << 62  # frames; libsndfile's way to say that a header gives no length
# Samples before the sound of MPEG audio, which only a tag of LAME's names (and its decoder then leaves out).
_MPEG_PRIMING = {"MPEG_LAYER_III": PRIMING["mp3"], "MPEG_LAYER_II": PRIMING["mp2"]}
# What libsndfile's log says of a header that names more than the file holds.
_CUT_SHORT = re.compile(r"(?:data|SSND|Data Size|Riff size|riff)\s*:\s*(\d+) \(should be (\d+)\)", re.IGNORECASE)


def open_track(path: Path) -> Track:
    """Open a sound file, or a film with sound.

    Args:
        path: an existing file.

    Returns:
        its first sound track; the blocks can be read once.

    Raises:
        InputError: not sound, or a sample rate that cannot be right; reading blocks raises it, too.
    """
    links, complete = ogg_links(path)
    notes = [] if complete else ["cut off: its last page does not end the stream; what is there is used"]
    if len(links) > 1:
        chained = _open_chain(path, links, notes)
        if chained is not None:
            return chained
    try:
        file = sf.SoundFile(native(path))
    except (sf.SoundFileError, TypeError) as error:  # a name that ends in .raw makes soundfile ask for a format
        return _with_ffmpeg(path, getattr(error, "error_string", "its format is unknown").strip())
    if not 0 < file.frames < _ENDLESS:
        file.close()
        try:
            return _with_ffmpeg(path, "holds no samples")
        except InputError:
            raise InputError(f"{path}: holds no samples; record or export it again") from None
    _check_rate(path, file)
    notes += _missing(path, file)
    return Track(file.samplerate, file.channels, _read_blocks(path, file, notes), notes, _is_float(file))


def _with_ffmpeg(path: Path, reason: str) -> Track:
    from sedtalker_cli.audio.ffmpeg import open_with_ffmpeg

    return open_with_ffmpeg(path, reason)


def native(path: str | os.PathLike[str]) -> str | bytes:
    """A name as libsndfile takes it: elsewhere than on Windows names are bytes, which need not be text."""
    return os.fspath(path) if os.name == "nt" else os.fsencode(path)


def _is_float(file: sf.SoundFile) -> bool:
    return file.subtype in ("FLOAT", "DOUBLE")


def _check_rate(path: Path, file: sf.SoundFile) -> None:
    if not MIN_FILE_RATE <= file.samplerate <= MAX_FILE_RATE:
        file.close()
        raise InputError(
            f"{path}: claims a sample rate of {file.samplerate} Hz (allowed {MIN_FILE_RATE} to {MAX_FILE_RATE}); "
            f"its header is damaged, export it again"
        )


def _missing(path: Path, file: sf.SoundFile) -> list[str]:
    """A note where the header of an uncompressed file names more samples than there are."""
    found = _CUT_SHORT.search(file.extra_info)
    named, there = (int(found[1]), int(found[2])) if found else bytes_named(path)
    seconds = file.frames / file.samplerate
    promised = seconds * named / max(1, there)
    if named >= PIPED or promised < seconds + 0.05:
        return []
    return [f"cut off: {seconds:.2f} s of the {promised:.2f} s that its header names are there"]


def _read_blocks(path: Path, file: sf.SoundFile, notes: list[str]) -> Generator[np.ndarray, None, None]:
    """Blocks (n, C) until the decoder gives no more; what comes after damage is left out, and noted."""
    buffer = np.empty((max(1, READ_VALUES // file.channels), file.channels), np.float32)
    rate, done, named = file.samplerate, 0, file.frames
    skip = _MPEG_PRIMING.get(file.subtype, 0)
    if skip and _has_lame_tag(path):
        skip = 0
    with file:
        while True:
            buffer.fill(np.nan)  # so that samples before damage can be told from what was never written
            try:
                count = file.buffer_read_into(buffer.data, "float32")
                damage = None
            except sf.SoundFileError as error:
                damage = getattr(error, "error_string", str(error)).strip()
                count = int(np.append(np.isnan(buffer).any(1), True).argmax())
            if count > skip:
                yield buffer[skip:count].copy()
            skip = max(0, skip - count)
            done += count
            if damage is not None:
                if file.format == "FLAC":  # whose blocks stand for themselves: ffmpeg goes on where libsndfile gives up
                    done += yield from _rest(path, done, file.channels)
                if not done:
                    raise InputError(f"{path}: damaged from its start ({damage}); export it again")
                notes.append(f"damaged or cut off ({damage}): {done / rate:.2f} s could be read")
                return
            if count == 0:
                break
    if done < 0.98 * named - rate / 4:
        notes.append(f"cut off: {done / rate:.2f} s of the {named / rate:.2f} s that its header names are there")


def _rest(path: Path, done: int, channels: int) -> Generator[np.ndarray, None, int]:
    """What ffmpeg decodes behind the first `done` frames; returns how many frames those are."""
    count = 0
    with suppress(InputError):
        track = _with_ffmpeg(path, "damaged")
        with closing(track.blocks):
            for block in track.blocks if track.channels == channels else ():
                kept = block[max(0, done - count) :] if count < done else block
                count += len(block)
                if len(kept):
                    yield kept
    return max(0, count - done)


def _has_lame_tag(path: Path) -> bool:
    """Whether an MP3's first frame says how much of the sound is priming, which its decoder then leaves out."""
    with open(path, "rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # its size has seven bits a byte
            file.seek(10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
        else:
            file.seek(0)
        frame = file.read(400)
    return (b"Xing" in frame or b"Info" in frame) and (b"LAME" in frame or b"Lav" in frame)


def _open_chain(path: Path, links: list[tuple[int, int]], notes: list[str]) -> Track | None:
    """The recordings of a chained Ogg file as one track, at the first one's rate; None for what is no sound."""
    first = next((track for track in _parts(path, links[:1], notes)), None)
    if first is None:
        return None
    rate, channels = first.rate, first.channels
    first.blocks.close()
    notes.clear()

    def blocks() -> Generator[np.ndarray, None, None]:
        for track in _parts(path, links, notes):
            for block in resampled(track.blocks, track.rate, rate):
                same = track.channels == channels
                yield block if same else block.mean(1, keepdims=True, dtype=np.float32).repeat(channels, 1)
            notes.extend(note for note in track.notes if note not in notes)

    return Track(rate, channels, blocks(), notes)


def _parts(path: Path, links: list[tuple[int, int]], notes: list[str]) -> Generator[Track, None, None]:
    """Each recording of a chain on its own; what cannot be decoded is noted."""
    for number, (start, stop) in enumerate(links, start=1):
        try:
            with closing(Link(path, start, stop)) as link, sf.SoundFile(link) as file:
                _check_rate(path, file)
                part: list[str] = []
                yield Track(file.samplerate, file.channels, _read_blocks(path, file, part), part)
        except sf.SoundFileError:  # libsndfile does not know FLAC in Ogg as ffmpeg writes it
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "part.ogg"
                with closing(Link(path, start, stop)) as link:
                    copy.write_bytes(link.read())
                try:
                    yield _with_ffmpeg(copy, "Format not recognised")
                except InputError:
                    notes.append(f"recording {number} of the {len(links)} that are joined in it cannot be decoded")
        except InputError as error:
            notes.append(str(error).removeprefix(f"{path}: "))


def resampled(blocks: Iterator[np.ndarray], rate: int, wanted: int) -> Generator[np.ndarray, None, None]:
    """Blocks (n, C) at another rate; the result does not depend on how the samples were cut into blocks."""
    resampler: soxr.ResampleStream | None = None
    channels = 1
    for block in blocks:
        if rate == wanted:
            yield block
            continue
        if resampler is None:
            channels = block.shape[1]
            resampler = soxr.ResampleStream(rate, wanted, channels, dtype="float32", quality="HQ")
        # Very low rates grow a lot: cut the input so that one output piece stays small.
        step = max(1, min(len(block), READ_VALUES * rate // wanted // channels))
        for start in range(0, len(block), step):
            piece = resampler.resample_chunk(np.ascontiguousarray(block[start : start + step]))
            if len(piece):
                yield piece.reshape(-1, channels)
    if resampler is not None:
        tail = resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)
        if len(tail):
            yield tail.reshape(-1, channels)
