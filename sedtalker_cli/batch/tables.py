"""Files of a run as a whole (tables, films of a report): the next run writes them again where nobody changed them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sedtalker_cli.batch.commit import commit
from sedtalker_cli.batch.ledger import Ledger
from sedtalker_cli.batch.ownership import Owner, refuse_foreign

COMMAND = "table"  # of their records, which lie beside them


class OwnTable:
    """One file and its record.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self._name, self._ledger = Path(path.name), Ledger(path.parent, COMMAND)
        self._path = path

    def is_ours(self) -> bool:
        """Whether it may be replaced: it is not there, or as the last run left it."""
        return self._ledger.owners(self._name, [""])[""] in (Owner.NOBODY, Owner.PROGRAM)

    def check(self) -> None:
        """Refuse a table that is the user's.

        Raises:
            UsageError: names it.
        """
        if not self.is_ours():
            refuse_foreign([self._path])

    def write(self, write: Callable[[Path], object], overwrite: bool = False) -> None:
        """Write it whole or not at all.

        Args:
            write: called with a path to write to.
            overwrite: whether to replace one that is the user's.

        Raises:
            UsageError: it became the user's since it was checked.
        """
        if not overwrite:
            self.check()
        with self._ledger.stage() as stage:
            write(stage / self._name)
            commit(self._ledger, self._name, stage, [""], {}, overwrite=True)

    def remove(self, overwrite: bool = False) -> None:
        """Remove it, if it is ours."""
        if overwrite or self.is_ours():
            self._path.unlink(missing_ok=True)
            self._ledger.record_path(self._name).unlink(missing_ok=True)
            self._ledger.remove_empty()
