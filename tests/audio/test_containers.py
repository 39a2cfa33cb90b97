"""What headers of containers say, on files made byte by byte."""

import io

import pytest

from sedtalker_cli.audio.clocks import PacketClock, has_zero, says_priming
from sedtalker_cli.audio.headers import bytes_named
from sedtalker_cli.audio.ogg import Link, ogg_links


def box(kind: bytes, content: bytes = b"") -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


FTYP, MDAT = box(b"ftyp", b"isom0000"), box(b"mdat", bytes(100))
WIDE_MDAT = (1).to_bytes(4, "big") + b"mdat" + (116).to_bytes(8, "big") + bytes(100)  # its size in 64 bits
PLAIN, EDITED, ITUNES = (box(b"moov", bytes(30) + said + bytes(30)) for said in (b"", b"elst", b"iTunSMPB"))


@pytest.mark.parametrize(
    ("data", "zero", "says"),
    [
        (FTYP + PLAIN, True, False),
        (FTYP + EDITED + MDAT, True, True),
        (FTYP + ITUNES, True, True),
        (FTYP + MDAT + PLAIN, True, False),
        (FTYP + WIDE_MDAT + PLAIN, True, False),
        (FTYP + WIDE_MDAT + ITUNES, True, True),
        (FTYP + box(b"free") + PLAIN, True, False),  # nothing in it: eight bytes
        (FTYP + b"\0\0\0\0mdat" + PLAIN, True, True),  # to the end of the file: no description was found
        (FTYP + MDAT, True, True),
        (box(b"pnot") + PLAIN, True, False),
        (b"\x1a\x45\xdf\xa3" + bytes(20), True, True),
        (b"RIFF\x10\0\0\0AVI ", False, False),
        (b"OggS", False, False),
        (b"", False, False),
    ],
)
def test_what_a_container_says_of_its_clock(tmp_path, data, zero, says):
    (tmp_path / "a").write_bytes(data)
    assert (has_zero(tmp_path / "a"), says_priming(tmp_path / "a")) == (zero, says)


HEAD = [
    "#software: x",
    "#tb 0: 1/16000",
    "#codec_id 0: aac",
    "#sample_rate 0: 16000",
    "#tb 1: 1/25",
    "#codec_id 1: h264",
    "#tb 2: 1/50",
]


def packets(*lines: str, head: list[str] = HEAD):
    """A listing; reading further than is needed is an error."""
    yield from [*head, *lines]
    raise AssertionError("read too far")


def test_the_first_packets_tell_the_clock():
    clock = PacketClock.parse(
        packets("1,   -2,          3,  1, 9, 0x0", "0, NOPTS, 800, 1024, 9, 0x0", "1, 4, 4, 1, 9", "2, 5, 5, 1, 9")
    )
    assert clock == PacketClock("aac", 16000, 0.05, 0.1) and clock.has_picture
    alone = [line for line in HEAD if " 1: " not in line and " 2: " not in line]
    clock = PacketClock.parse(packets("0, 0, NOPTS, 1024, 9, 0x0", head=alone))
    assert clock == PacketClock("aac", 16000, 0.0, None) and not clock.has_picture
    assert PacketClock.parse(packets("0, -800, -800, 1, 9", head=alone)).sound == -0.05
    assert PacketClock.parse([*HEAD, "1, 3, 3, 1, 9"]) is None
    assert PacketClock.parse([HEAD[1], HEAD[2], "0, 3, 3, 1, 9"]) is None


@pytest.mark.parametrize(
    ("codec", "rate", "samples"),
    [
        *(("aac", 44100, 1024), ("ac3", 48000, 256), ("eac3", 48000, 256), ("mp2", 48000, 481), ("mp3", 44100, 1105)),
        *(("wmav2", 16000, 512), ("wmav1", 22050, 1024), ("wmav2", 44100, 2048), ("wmav2", 96000, 4096)),
        *(("wmav2", 192000, 0), ("opus", 48000, 0), ("pcm_s16le", 16000, 0)),
    ],
)
def test_what_encoders_put_before_the_sound(codec, rate, samples):
    assert PacketClock(codec, rate, 0.0, None).zero(absolute=False, says_priming=False) == samples / rate
    assert PacketClock(codec, rate, 0.0, None).zero(absolute=False, says_priming=True) == 0


def test_where_a_presentation_begins():
    def zero(sound, picture, absolute):
        return PacketClock("aac", 16000, sound, picture).zero(absolute, says_priming=False)

    assert zero(0.5, 0.02, absolute=True) == 0.02 and zero(0.5, 0.3, absolute=True) == 0.064
    assert zero(0.5, 0.02, absolute=False) == 0.02 and zero(0.5, 0.6, absolute=False) == pytest.approx(0.564)
    assert zero(70, 60, absolute=True) == 60 and zero(70, 59.9, absolute=True) == 0.064  # a piece of a longer stream


def sphere(*facts: str, start: str = "   1024") -> bytes:
    return ("NIST_1A\n" + start + "\n" + "\n".join(facts) + "\nend_head\n").encode().ljust(1024) + bytes(300)


CAF = b"caff\0\1\0\0" + b"desc" + (32).to_bytes(8, "big") + bytes(32)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"RIFF" + (100).to_bytes(4, "little") + b"AVI " + bytes(20), (108, 32)),
        (CAF + b"data" + (50).to_bytes(8, "big") + bytes(20), (114, 84)),
        (CAF + b"data" + b"\xff" * 8 + bytes(20), (0, 0)),  # a length that is not known
        (CAF + b"data" + bytes(8), (0, 0)),
        (CAF + b"data" + (1).to_bytes(8, "big"), (65, 64)),
        (CAF, (0, 0)),
        (sphere("sample_count -i 100", "sample_n_bytes -i 2", "channel_count -i 3"), (600, 300)),
        (sphere("sample_count -i 100", "sample_n_bytes -i 2"), (200, 300)),
        (sphere("sample_count -i 100"), (0, 300)),
        (sphere("sample_n_bytes -i 2"), (0, 300)),
        (sphere("sample_count -i 7", "sample_n_bytes -i 1", start="      x"), (7, 300)),
        (sphere("sample_count -i 7", "sample_n_bytes -i 1", start="   1300"), (7, 24)),
        (sphere("sample_count -i 7", "sample_n_bytes -i 1", start="   2000"), (7, 0)),
        (b"fLaC" + bytes(40), (0, 0)),
        (b"", (0, 0)),
    ],
)
def test_how_much_a_header_names(tmp_path, data, named):
    (tmp_path / "a").write_bytes(data)
    assert bytes_named(tmp_path / "a") == named


def page(flags: int, content: bytes = b"") -> bytes:
    """A page of Ogg: 27 bytes, a table of one segment (of none without content), the content."""
    table = bytes([len(content)]) if content else b""
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([len(table)]) + table + content


FIRST, MIDDLE, LAST = page(2, b"abc"), page(0, b"de"), page(4)  # 31, 30 and 27 bytes
WHOLE = FIRST + MIDDLE + LAST


@pytest.mark.parametrize(
    ("data", "links"),
    [
        (WHOLE, ([(0, 88)], True)),
        (WHOLE + FIRST + LAST, ([(0, 88), (88, 146)], True)),
        (FIRST + FIRST + MIDDLE + LAST, ([(0, 119)], True)),  # two streams of one recording
        (FIRST + MIDDLE, ([(0, 61)], False)),
        (WHOLE + b"OggS", ([(0, 92)], False)),
        (WHOLE[:-1], ([(0, 87)], False)),
        (FIRST + b"damage" + LAST + FIRST + LAST, ([(0, 64), (64, 122)], True)),
        (FIRST + bytes(65535) + LAST + WHOLE, ([(0, 65593), (65593, 65681)], True)),  # across blocks of the search
        (page(6, b"x") + bytes(99), ([(0, 128)], True)),
        (FIRST + b"x" + LAST, ([(0, 59)], True)),
        (FIRST + page(0, b"abc" + FIRST) + LAST, ([(0, 120)], True)),  # a page's content may look like a page
        (page(4), ([], True)),
        (b"RIFF" + bytes(99), ([], True)),
        (b"", ([], True)),
    ],
)
def test_where_recordings_lie_in_ogg(tmp_path, data, links):
    (tmp_path / "a").write_bytes(data)
    assert ogg_links(tmp_path / "a") == links


def test_a_link_is_a_file_of_its_own(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    with Link(tmp_path / "a", 2, 7) as link:
        assert link.readable() and link.seekable()
        assert (link.tell(), link.read(2), link.tell(), link.read(), link.read(1)) == (0, b"23", 2, b"456", b"")
        assert link.seek(1) == 1 and link.read(1) == b"3"
        assert link.seek(1, io.SEEK_CUR) == 3 and link.read(9) == b"56"
        assert link.seek(-2, io.SEEK_END) == 3 and link.read(1) == b"5"
        assert link.seek(-9) == 0 and link.read(1) == b"2"
        assert link.seek(8) == 8 and link.read(1) == b""
        inner = link._file
    assert link.closed and inner.closed
