"""Reading small text and JSON files with errors that a user can act on."""

import json
from pathlib import Path
from typing import Any

from sedtalker_cli.errors import InputError

MOST = 1 << 30  # characters
DIGITS = 18  # of whole numbers that 64 bits hold


class NotText(InputError):
    """The bytes of a file are no text in the expected encoding."""


def read_text(path: Path, encoding: str = "utf-8-sig") -> str:
    """A whole UTF-8 file, with line ends (doubled ones too, `\\r\\r\\n`) as `\\n` and without a byte order mark.

    Raises:
        InputError: missing, unreadable, absurdly large or not text.
    """
    try:
        with open(path, encoding=encoding, newline="") as file:
            text = file.read(MOST + 1)  # what a device or a pipe holds, no size tells
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name a file") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except UnicodeDecodeError as error:
        raise NotText(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if len(text) > MOST:
        raise InputError(f"{path}: is larger than {MOST >> 20} MB; this is no such file")
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def read_labels_text(path: Path) -> str:
    """As `read_text`, also in UTF-16, and in Latin-1 as old programs write it."""
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except (OSError, ValueError):
        return read_text(path)  # which says why not
    try:
        return read_text(path, _encoding(start))
    except NotText:
        return read_text(path, "cp1252").removeprefix("\u00ef\u00bb\u00bf")  # the mark of UTF-8, where it is none


def _encoding(start: bytes) -> str:
    """UTF-8, or UTF-16 by its mark or, without one, by the zeros in every second byte of plain letters."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    zeros = [byte == 0 for byte in start]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False, True, False] else "utf-8-sig"


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        InputError: as `read_text`, or not JSON.
    """
    return parse_json(read_text(path), path)


def parse_json(text: str, path: Path) -> Any:
    """Content of a JSON text; whole numbers beyond 64 bits become floats, as other readers of JSON have it.

    Args:
        text: to parse.
        path: where it comes from, for messages.

    Raises:
        InputError: not JSON, or nested too deeply; names the line.
    """
    try:
        return json.loads(text, parse_int=_number, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: is not JSON ({error.msg}); write it again") from None
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error}); write it again") from None
    except RecursionError:
        raise InputError(f"{path}: is not usable JSON (nested too deeply)") from None


def read_count(text: str) -> int | None:
    """A whole number >= 0 of ASCII digits that fits 64 bits, else None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= DIGITS else float(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"it holds {name}")
