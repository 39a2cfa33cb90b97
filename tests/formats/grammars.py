"""Label files as programs write them: strategies for their content, their spellings, and light damage.

Contents have times in whole milliseconds, so that what is read can be compared exactly.
"""

from typing import NamedTuple

from hypothesis import strategies as st

WORDS = st.text(alphabet="abcdefgh éßЖ字", min_size=1, max_size=12).map(lambda text: f"w{text}".strip())
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])
ENDS = st.sampled_from(["\n", "\r\n"])


class Item(NamedTuple):
    """A stretch in ms with a text."""

    start: int
    end: int
    text: str


@st.composite
def items(draw: st.DrawFn, texts: st.SearchStrategy[str] = WORDS, gaps: bool = True) -> list[Item]:
    """One to six stretches in order of time that do not overlap."""
    found, place = [], 0
    for _ in range(draw(st.integers(1, 6))):
        place += draw(st.integers(0, 5000)) if gaps else 0
        end = place + draw(st.integers(1, 9_000_000 if gaps else 5000))
        found.append(Item(place, end, draw(texts)))
        place = end
    return found


@st.composite
def with_bad(draw: st.DrawFn, good: list[str], bad: list[str]) -> tuple[list[str], int]:
    """Pieces of a file in their order, with up to three of the bad ones among them; how many these are."""
    pieces = list(good)
    wrong = draw(st.lists(st.sampled_from(bad), max_size=3))
    for piece in wrong:
        pieces.insert(draw(st.integers(0, len(pieces))), piece)
    return pieces, len(wrong)


def encoded(draw: st.DrawFn, text: str) -> bytes:
    """A text with the line ends and in the encoding of some program."""
    return text.replace("\n", draw(ENDS)).encode(draw(ENCODINGS))


def seconds(draw: st.DrawFn, ms: int) -> str:
    """A time in s, with as many decimals as a program likes."""
    return draw(st.sampled_from([f"{ms / 1000:.3f}", f"{ms / 1000:.6f}", f"{ms / 1000!r}"]))


def _clock(ms: int, point: str, hours: bool) -> str:
    clock = f"{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"
    return f"{ms // 3_600_000:02d}:{clock}" if hours or ms >= 3_600_000 else clock


class File(NamedTuple):
    """What is in a file, its bytes, and how many items in it are bad."""

    content: list
    data: bytes
    bad: int


@st.composite
def subrip(draw: st.DrawFn) -> File:
    """SubRip with tags, places and counters, empty lines or none between captions that have a counter."""
    good, blocks = draw(items()), []
    for number, item in enumerate(good, start=1):
        words = draw(st.sampled_from(["{}", "<i>{}</i>", "{{\\an8}}{}", '<font color="#fff">{}</font>', " {} "]))
        point = draw(st.sampled_from(",."))
        place = draw(st.sampled_from(["", " X1:40 X2:600 Y1:20 Y2:50"]))
        times = f"{_clock(item.start, point, True)} --> {_clock(item.end, point, True)}{place}"
        blocks.append(f"{number}\n{times}\n{words.format(item.text)}\n")
    bad = ["7\n00:00:01,000 -> 00:00:02,000\nno\n", "8\nno times\n", "9\n00:00:02,000 --> 00:00:02,000\nno length\n"]
    pieces, count = draw(with_bad(blocks, bad))
    gap = "" if count == 0 and draw(st.booleans()) else draw(st.sampled_from(["\n", "\n\n", " \n"]))
    return File(good, encoded(draw, gap.join(pieces)), count)


@st.composite
def webvtt(draw: st.DrawFn) -> File:
    """WebVTT with notes, styles, names of cues, settings, voices, timing tags and entities."""
    good = [Item(*item[:2], f"{item.text} {k}") for k, item in enumerate(draw(items()))]
    blocks = []
    for item in good:
        words = draw(st.sampled_from(["{}", "<v Ann>{}", "<c.yellow>{}</c>", "<00:00:01.000><c>{}</c>", "<b>{}</b>"]))
        name = draw(st.sampled_from(["", "intro\n", "12\n"]))
        setting = draw(st.sampled_from(["", " align:start position:0%", " line:-1"]))
        hours = draw(st.booleans())
        times = f"{_clock(item.start, '.', hours)} --> {_clock(item.end, '.', hours)}{setting}"
        blocks.append(f"{name}{times}\n{words.format(item.text.replace('d', '&#100;'))}\n\n")
    harmless = ["NOTE a remark\nof two lines\n\n", "STYLE\n::cue { color: lime }\n\n", "NOTE\n\n"]
    pieces, _ = draw(with_bad(blocks, harmless))
    pieces, count = draw(
        with_bad(pieces, ["00:01.000 --> later\nno\n\n", "00:02.000 --> 00:01.000\nno\n\n", "lost\n\n"])
    )
    head = draw(st.sampled_from(["WEBVTT\n\n", "WEBVTT - a title\n\n", "WEBVTT\nKind: captions\nLanguage: en\n\n"]))
    return File(good, encoded(draw, head + "".join(pieces)), count)


@st.composite
def audacity(draw: st.DrawFn) -> File:
    """A label track with points and ranges of frequencies."""
    good, lines = draw(items()), []
    comma = draw(st.booleans())
    for item in good:
        times = f"{item.start / 1000:.6f}\t{item.end / 1000:.6f}"
        range_ = draw(st.sampled_from(["", "\\\t100.0\t2000.0\n"]))
        lines.append(f"{times.replace('.', ',') if comma else times}\t{item.text}\n{range_}")
    pieces, count = draw(
        with_bad(lines, ["1.5\t1.5\tpoint\n", "2\t3\n", "x\t3\tno\n", "2\t3\t \n", "3\t2\tno\n", "nan\t2\tno\n"])
    )
    return File(good, encoded(draw, "".join(pieces)), count)


@st.composite
def rttm(draw: st.DrawFn) -> File:
    """RTTM of one or two recordings, 8 to 10 fields, in any order, with comments and lines of other types."""
    good = [(draw(st.sampled_from(["a", "b-2.wav", "é"])), item) for item in draw(items(st.sampled_from("uvw")))]
    lines = []
    for uri, item in good:
        space = draw(st.sampled_from([" ", "\t", "  "]))
        end = draw(st.sampled_from([(), ("<NA>",), ("<NA>", "<NA>"), ("0.25", "<NA>")]))
        times = (seconds(draw, item.start), seconds(draw, item.end - item.start))
        lines.append(space.join(("SPEAKER", uri, "1", *times, "<NA>", "<NA>", item.text, *end)) + "\n")
    lines = draw(st.permutations(lines))
    harmless = [
        "; a comment\n",
        "# another\n",
        "\n",
        "SPKR-INFO a 1 <NA> <NA> <NA> unknown u <NA> <NA>\n",
        "NOSCORE a 1 0 1\n",
    ]
    pieces, _ = draw(with_bad(lines, harmless))
    wrong = [f"SPEAKER a 1 {times} <NA> <NA> u <NA> <NA>\n" for times in ("x 1", "0 0.000", "-1 1", "0 inf", "0 -1")]
    pieces, count = draw(with_bad(pieces, [*wrong, "SPEAKER a 1 0\n", "what is this\n"]))
    return File(good, encoded(draw, "".join(pieces)), count)


@st.composite
def textgrid(draw: st.DrawFn) -> File:
    """A TextGrid, long or short, with comments, points, texts with quotes and line ends; of one tier an interval is
    damaged, perhaps."""
    texts = st.sampled_from(["", "sad", 'a "b" c', "two\nlines", "IntervalTier", "1.5", "<exists>", "! no comment"])
    tiers = draw(st.lists(items(texts, gaps=False), min_size=1, max_size=3))
    damaged = draw(st.sampled_from([None, "xmin", "xmax", "text", "quote", "order"]))
    hurt = (draw(st.integers(0, len(tiers) - 1)), draw(st.integers(0, 5))) if damaged else (-1, -1)
    lines, end = [], max(tier[-1].end for tier in tiers)
    long = draw(st.booleans())

    def put(name: str, value: object, indent: int = 0) -> None:
        lines.append(f"{'    ' * indent}{name} {value} " if long else str(value))

    put("xmin =", 0)
    put("xmax =", end / 1000)
    put("tiers?", "<exists>")
    beats = draw(st.booleans())
    put("size =", len(tiers) + beats)
    good, hits = [], 0
    for number, tier in enumerate(tiers):
        if beats and number == 0:
            for name, value in (("class =", '"TextTier"'), ("name =", '"beats"'), ("xmin =", 0), ("xmax =", 9)):
                put(name, value, 1)
            put("points: size =", 1, 1)
            put("number =", 0.25, 2)
            put("mark =", '"sad"', 2)
        for name, value in (("class =", '"IntervalTier"'), ("name =", f'"tier {number}"'), ("xmin =", 0)):
            put(name, value, 1)
        put("xmax =", end / 1000, 1)
        put("intervals: size =", len(tier), 1)
        kept = []
        for place, (start, stop, text) in enumerate(tier):
            quoted = '"' + text.replace('"', '""') + '"'
            values = {"xmin": start / 1000, "xmax": stop / 1000, "text": quoted}
            if (number, place) == hurt and (damaged != "quote" or text == "sad"):
                hits += 1
                if damaged in ("xmin", "xmax"):
                    values[damaged] = draw(st.sampled_from(["--", "1,5", "-3", "1e999", "<exists>"]))
                elif damaged == "text":
                    values["text"] = "sad"
                elif damaged == "quote":
                    values["text"] = '"sad'
                else:
                    values["xmax"] = values["xmin"]
            elif text:
                kept.append(Item(start, stop, text))
            if long:
                lines.append(f"        intervals [{place + 1}]:")
            for name, value in values.items():
                put(f"{name} =", value, 3)
            if draw(st.integers(0, 9)) == 0:
                lines.append('! a comment "with quotes" 5')
        good.append(kept)
    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    return File(good, encoded(draw, head + "\n".join(lines) + "\n"), hits)
