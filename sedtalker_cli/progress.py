"""How work tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    """What is called while work goes on; `silent` is the default."""

    def __call__(self, stage: str, done: float, total: float, /) -> None:
        """Hear how far a stage is.

        Args:
            stage: its name, as people are shown it.
            done: how much of it is done, in any unit.
            total: how much there is to do, in the same unit; 0 if that is not known.
        """


def silent(stage: str, done: float, total: float, /) -> None:
    """Progress that nobody watches."""
