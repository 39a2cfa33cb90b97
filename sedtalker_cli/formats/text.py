"""Reading small text files with errors that a user can act on."""

from pathlib import Path

from sedtalker_cli.errors import InputError

MAX_BYTES = 1 << 30


def read_text(path: Path) -> str:
    """A whole UTF-8 file, with line ends as `\\n` and without a byte order mark.

    Raises:
        InputError: missing, unreadable, absurdly large or not text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: is larger than {MAX_BYTES >> 20} MB; this is no such file")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name a file") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; change its permissions (chmod +r)") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
