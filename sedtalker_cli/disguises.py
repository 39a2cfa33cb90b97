"""What a file is whose name promises something else: a page that was downloaded, a pointer, an archive, a picture."""

import re
from pathlib import Path

HEAD = 512  # bytes that tell

_KINDS = (
    (rb"version https?://git-lfs", "is a Git LFS pointer, not the file itself; fetch it with git lfs pull"),
    (rb"(?:<!--.*?-->|\s)*<(?:!doctype html|html|head|body)", "is an HTML page, not the file; download it again"),
    (rb"\s*<\?xml", "is an XML text, perhaps a server's error, not the file; download it again"),
    (rb"\s*\{\s*\"|\s*\[\s*[\{\"]", "is a JSON text, perhaps a server's error, not the file; download it again"),
    (rb"PK\x03\x04", "is a ZIP archive; unpack it first"),
    (rb"\x1f\x8b\x08", "is packed with gzip; unpack it first"),
    (rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07", "is an archive; unpack it first"),
    (rb"%PDF-", "is a PDF document; name the right file"),
    (rb"\x89PNG\r\n|\xff\xd8\xff[\xe0\xe1\xdb]|GIF8[79]a", "is a picture; name the right file"),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), said) for pattern, said in _KINDS)


def true_kind_of(path: Path, but: str = "") -> str | None:
    """`true_kind` of a file; None for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return true_kind(file.read(HEAD), but)
    except OSError:
        return None


def true_kind(head: bytes, but: str = "") -> str | None:
    """Say what a file is that can be neither sound, nor a 3D head, nor numbers.

    Args:
        head: its first bytes, some hundreds.
        but: a word of the answers that are no surprise here, e.g. `JSON` for a head that may be one.

    Returns:
        what it is and what to do, for a message; None for everything else.
    """
    head = head.removeprefix(b"\xef\xbb\xbf")
    return next((said for pattern, said in _PATTERNS if pattern.match(head) and not (but and but in said)), None)
