"""One model's emotions as another's."""

import numpy as np

from sedtalker_cli.errors import InputError


class KnowsEmotions:
    """A model that is conditioned on emotions.

    Attributes:
        classes: emotion names it was trained with.
        class_map: other models' class names -> its own.
    """

    classes: tuple[str, ...]
    class_map: dict[str, str]

    def map_posteriors(self, posteriors: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
        """Posteriors over another model's classes as posteriors over this one's.

        Args:
            posteriors: (T, C).
            classes: their names.

        Raises:
            InputError: a class has no counterpart here.
        """
        mapped = np.zeros((len(posteriors), len(self.classes)), np.float32)
        for column, name in enumerate(classes):
            target = self.class_map.get(name, name)
            if target not in self.classes:
                raise InputError(
                    f"this animator does not know the emotion {name!r}; it knows {', '.join(self.classes)}"
                )
            mapped[:, self.classes.index(target)] += posteriors[:, column]
        return mapped
