"""Errors that a user can act on; everything else is a defect and keeps its traceback for `--debug`."""


class SedtalkerError(Exception):
    """Base of all errors whose message is meant for the user: one line, the cause and the remedy."""


class InputError(SedtalkerError):
    """One input cannot be processed; the others go on (exit status 1)."""


class UsageError(SedtalkerError):
    """The command line asks for something invalid (exit status 2)."""
