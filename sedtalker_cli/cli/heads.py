"""The face that the options name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head


def given_head(head: Path | None, identity: str | None = None, animated: bool = False) -> Head | None:
    """Read the face before any work, so that what is wrong with it is wrong usage.

    Args:
        head: `--head`.
        identity: `--identity`.
        animated: whether it has to have shapes, and is wanted without `--head`, too.

    Raises:
        UsageError: the options do not go together, or the head cannot be used.
    """
    from sedtalker_cli.errors import InputError, UsageError
    from sedtalker_cli.pipeline import cached_head

    if head is None:
        return cached_head(identity) if animated else None
    try:
        found = cached_head(identity, head)
    except InputError as error:
        raise UsageError(f"--head {error}") from error
    if animated and not found.shape_names:
        raise UsageError(f"--head {head}: is a template without shapes; only `render` can use it")
    return found
