"""Whether what sounds like speech frame by frame is speech as a whole, and not a tone, a hum or music."""

import torch

# Features of speech scatter around the centre of all speakers: over a second or more their mean comes near to it
# (mean square .05 to .25 in eleven corpora, also through a telephone, in noise as loud, or in music). Tones, chords,
# hum and instruments are vowels to a linear layer, but stay away from the centre together (.4 to 1.2).
FAR = 0.33  # mean square of the mean standard feature
FEW = 3.0  # frames over which it is allowed further out: the mean of few frames is still uncertain ...
SURE = 0.66  # mean probability that frames of speech have at least (.86 in noise as loud); rumble is at .6
DOUBT = 0.1  # ... but only where the other frames are surely none of speech


def is_speech(mean: torch.Tensor, frames: int, sure: float, rest: float) -> bool:
    """Decide about a recording.

    Args:
        mean: (L, D) mean of the standard features of its frames that sound like speech.
        frames: their number.
        sure: their mean probability of speech.
        rest: mean probability of speech of all other frames.
    """
    if not frames or sure < SURE:
        return False
    allowance = FEW / frames if rest < DOUBT else 0.0
    return float(mean.square().mean()) < FAR + allowance
