"""The head that options name; many recordings usually share one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sedtalker_cli.errors import UsageError

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head


@lru_cache(maxsize=4)
def cached_head(identity: str | None, source: Path | None) -> Head:
    """The shipped head with an identity, or the head of a file or folder; many recordings usually share one.

    Raises:
        UsageError: an invalid identity, or one for a head that has its own.
        InputError: the head cannot be read.
    """
    if source is None:
        from sedtalker_cli.face.head import load_head

        return load_head(identity)
    if identity is not None:
        raise UsageError(f"identity {identity!r} is for the built-in head; leave it out with --head {source}")
    from sedtalker_cli.face.custom import load_custom_head

    return load_custom_head(source)
