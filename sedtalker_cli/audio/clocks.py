"""When the sound of a container begins, on the clock by which a player presents sound and picture."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

# Samples of every encoding that come before the sound, which most containers do not mention. The overlap of a
# transform codec alone costs AAC 1024 (ISO/IEC 14496-3) and AC-3 256; 481 are the filter bank of MPEG audio, 1105
# those of Layer III with its transform, as LAME reckons them (its technical FAQ).
PRIMING = {"aac": 1024, "ac3": 256, "eac3": 256, "mp2": 481, "mp3": 1105}
WINDOWS_MEDIA_FRAME = ((16000, 512), (22050, 1024), (48000, 2048), (96000, 4096))  # up to this rate [Hz], samples
LATEST = 60.0  # s; a file whose clock begins later was cut from a longer stream, and begins with its first sound
_MOST = 1 << 26  # bytes of an MP4's description that are looked at
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
_MATROSKA = b"\x1a\x45\xdf\xa3"


def has_zero(path: Path) -> bool:
    """Whether the container's clock counts from the start of the file: MP4 and its kin, Matroska, WebM.

    Others (MPEG's streams, Flash ...) begin anywhere, and their presentation begins with the first of their streams.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    return head[4:] in _BOXES or head[:4] == _MATROSKA


def says_priming(path: Path) -> bool:
    """Whether the container says what comes before the sound: Matroska, MP4 with an edit list or a note of iTunes."""
    with open(path, "rb") as file:
        head = file.read(8)
        if head[4:] not in _BOXES:
            return head[:4] == _MATROSKA
        place = 0
        while len(head) == 8:
            size = int.from_bytes(head[:4], "big")
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            if head[4:] == b"moov":
                described = file.read(min(size, _MOST))
                return b"elst" in described or b"iTunSMPB" in described
            if size < 8:
                break
            place += size
            file.seek(place)
            head = file.read(8)
    return True


@dataclass(frozen=True)
class PacketClock:
    """The first packets of a container.

    Attributes:
        codec: of the sound.
        rate: Hz.
        sound: time of the first packet of sound [s].
        picture: of the first picture, None without one.
    """

    codec: str
    rate: int
    sound: float
    picture: float | None

    @classmethod
    def parse(cls, listing: Iterable[str]) -> "PacketClock | None":
        """Read as many lines of ffmpeg's `framecrc` as are needed; None where there is no packet of sound."""
        facts: dict[tuple[str, str], str] = {}
        first: dict[str, int] = {}
        for line in listing:
            if found := re.match(r"#(\w+) (\d+): (\S+)", line):
                facts[found[1], found[2]] = found[3]
            elif found := re.match(r"(\d+),\s*(?:-?\d+|NOPTS),\s*(-?\d+|NOPTS),", line):
                first.setdefault(found[1], 0 if found[2] == "NOPTS" else int(found[2]))
                if all(stream in first for name, stream in facts if name == "tb"):
                    break
        if "0" not in first or ("sample_rate", "0") not in facts:
            return None
        at = {stream: float(time * Fraction(facts["tb", stream])) for stream, time in first.items()}
        pictures = [time for stream, time in at.items() if stream != "0"]
        return cls(facts["codec_id", "0"], int(facts["sample_rate", "0"]), at["0"], min(pictures, default=None))

    @property
    def has_picture(self) -> bool:
        return self.picture is not None

    def zero(self, absolute: bool, says_priming: bool) -> float:
        """Where the presentation begins on the clock of the packets [s].

        Args:
            absolute: whether that clock counts from the start of the file, see `has_zero`.
            says_priming: whether the decoder knows what comes before the sound, see there.
        """
        priming = 0.0 if says_priming else self._priming()
        first = self.sound + priming
        if self.picture is not None:
            first = min(first, self.picture)
        if not absolute or first >= LATEST:
            return first
        return priming if self.picture is None else min(priming, self.picture)

    def _priming(self) -> float:
        samples = PRIMING.get(self.codec, 0)
        if self.codec.startswith("wmav"):
            samples = next((length for rate, length in WINDOWS_MEDIA_FRAME if self.rate <= rate), 0)
        return samples / self.rate
