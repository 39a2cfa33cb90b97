"""Content that does something when it is unpickled."""

from pathlib import Path


class Trap:
    """Pickled code that leaves a file if anybody runs it."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self):
        return (open, (str(self.place), "w"))
