"""Any diarizer by the kind that its configuration names."""

import os

from sedtalker_cli.model.diarizer import Diarizer
from sedtalker_cli.model.paper_diarizer import PaperDiarizer
from sedtalker_cli.model.weights import DIARIZER, checkpoint_type

AnyDiarizer = Diarizer | PaperDiarizer
DIARIZERS: dict[str, type[Diarizer] | type[PaperDiarizer]] = {m.kind: m for m in (Diarizer, PaperDiarizer)}


def load_diarizer(folder: str | os.PathLike[str], device: str = "cpu") -> AnyDiarizer:
    """Load a diarizer of whatever kind.

    Raises:
        InputError: no, damaged or foreign checkpoint.
    """
    return DIARIZERS.get(checkpoint_type(folder) or DIARIZER, Diarizer).load(folder, device)
