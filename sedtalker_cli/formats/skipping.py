"""Lines of label files made elsewhere that cannot be used: left out one by one, with a warning each, or refused."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sedtalker_cli.errors import InputError

LOGGER = logging.getLogger("sedtalker")
NAMED = 20  # faults of one file


class Skipped:
    """What was left out of one file.

    Args:
        path: of the file; messages of errors begin with it and name the line.
        strict: whether the first fault is an error.
    """

    def __init__(self, path: str | os.PathLike, strict: bool = False):
        self.path, self.strict, self.faults = path, strict, list[str]()

    @contextmanager
    def item(self) -> Iterator[None]:
        """One line or block: an `InputError` leaves it out."""
        try:
            yield
        except InputError as error:
            if self.strict:
                raise
            self.faults.append(str(error))

    def check(self, found: object, nothing: str) -> None:
        """Warn of each; if nothing is left, raise the first reason, or what is said of a file that holds nothing."""
        if not found:
            raise InputError(self.faults[0] if self.faults else f"{self.path}: {nothing}")
        for fault in self.faults[:NAMED]:
            LOGGER.warning("%s: left out", fault)
        if len(self.faults) > NAMED:
            LOGGER.warning("%s: %d more like these: left out", self.path, len(self.faults) - NAMED)
