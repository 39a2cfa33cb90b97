"""Files that options name, a face and captions, read before any work: what is wrong with them is wrong usage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sedtalker_cli.face.head import Head
    from sedtalker_cli.formats.captions import Caption


def built_in_head(identity: str | None = None) -> Head:
    """The face that comes with the package.

    Raises:
        UsageError: no such identity.
    """
    from sedtalker_cli.face.heads import cached_head

    return cached_head(identity, None)


def given_head(head: Path | None, identity: str | None = None, animated: bool = False) -> Head | None:
    """Read the face.

    Args:
        head: `--head`.
        identity: `--identity`.
        animated: whether it has to have shapes, and is wanted without `--head`, too.

    Raises:
        UsageError: the options do not go together, or the head cannot be used.
    """
    from sedtalker_cli.errors import InputError, UsageError
    from sedtalker_cli.face.heads import cached_head

    if head is None:
        return built_in_head(identity) if animated else None
    try:
        found = cached_head(identity, head)
    except InputError as error:
        raise UsageError(f"--head {error}") from error
    if animated and not found.shape_names:
        raise UsageError(
            f"--head {head}: is a template without shapes; `render` can use it, and `animate` with a vertex animator"
        )
    return found


def given_template(head: Path | None, identity: str | None, animator: Path) -> None:
    """Check that a face, the built-in one without `--head`, has a topology of a vertex animator.

    Raises:
        UsageError: it has none, or is not named.
    """
    from sedtalker_cli.errors import UsageError
    from sedtalker_cli.model.checkpoint import load_config
    from sedtalker_cli.model.weights import VERTEX_ANIMATOR

    counts = {name: facts["vertices"] for name, facts in load_config(animator, VERTEX_ANIMATOR)["topologies"].items()}
    known = ", ".join(f"{name} ({count} vertices)" for name, count in counts.items())
    found = built_in_head(identity) if head is None else given_head(head, identity)
    assert found is not None
    if head is None and len(found.neutral) not in counts.values():
        raise UsageError(f"{animator}: makes vertices of {known}; name a template of it with --head FILE.ply")
    if len(found.neutral) not in counts.values():
        raise UsageError(f"--head {head}: has {len(found.neutral)} vertices, {animator} makes {known}")


def given_captions(captions: Path | None, count: int, strict: bool = False) -> tuple[Caption, ...]:
    """Read the captions.

    Args:
        captions: `--captions`.
        count: how many films they are wanted for.
        strict: `--strict`.

    Raises:
        UsageError: there are several, or the file cannot be used.
    """
    from sedtalker_cli.errors import InputError, UsageError
    from sedtalker_cli.formats.captions import read_captions

    if captions is None:
        return ()
    if count > 1:
        raise UsageError(f"--captions is for one film, and there are {count} inputs: film them one by one")
    try:
        return tuple(read_captions(captions, strict))
    except InputError as error:
        raise UsageError(f"--captions {error}") from error
