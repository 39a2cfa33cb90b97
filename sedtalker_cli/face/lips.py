"""How far the lips are apart for given coefficients, and coefficients that bring them closer or further apart."""

from __future__ import annotations

import numpy as np

from sedtalker_cli.face.arkit import ARKIT_INDEX
from sedtalker_cli.face.head import Head
from sedtalker_cli.face.regions import lip_opening

JAW, CLOSE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthClose"]


def opening(weights: np.ndarray, head: Head) -> np.ndarray:
    """Signed opening of the lips (T,) of coefficients (T, 52); below 0 they are pressed (see `regions.lip_opening`)."""
    rest, change = lip_opening(head)
    return rest + np.asarray(weights, np.float64) @ change


def limit_opening(weights: np.ndarray, most: np.ndarray, head: Head) -> np.ndarray:
    """Bring the lips together where they are further apart than they may be.

    mouthClose rises as far as the jaw is open; what is then still missing is taken from all that parts the lips.

    Args:
        weights: coefficients (T, 52).
        most: largest opening (T,), not below that at rest.
        head: whose lips they are.

    Returns:
        Coefficients (T, 52).
    """
    _, change = lip_opening(head)
    weights = np.array(weights, np.float64)
    excess = np.maximum(opening(weights, head) - most, 0.0)
    closing = np.clip(excess / -change[CLOSE], 0.0, np.maximum(weights[:, JAW] - weights[:, CLOSE], 0.0))
    weights[:, CLOSE] += closing
    excess += closing * change[CLOSE]
    parting = np.maximum(change, 0.0)
    parting[JAW] = 0.0  # mouthClose has taken it back
    share = excess / np.maximum(weights @ parting, 1e-9)
    weights[:, parting > 0] *= 1.0 - np.clip(share, 0.0, 1.0)[:, None]
    return weights


def raise_opening(weights: np.ndarray, missing: np.ndarray, head: Head) -> np.ndarray:
    """Part the lips further: mouthClose gives way, then the jaw opens.

    Args:
        weights: coefficients (T, 52).
        missing: by how much further they are to be apart (T,), 0 and above.
        head: whose lips they are.

    Returns:
        Coefficients (T, 52).
    """
    _, change = lip_opening(head)
    weights = np.array(weights, np.float64)
    given = np.minimum(missing / -change[CLOSE], np.maximum(weights[:, CLOSE], 0.0))
    weights[:, CLOSE] -= given
    weights[:, JAW] += (missing + given * change[CLOSE]) / change[JAW]
    return weights
