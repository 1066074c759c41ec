"""Judge styles by an independent classifier; the features for memorisation stay those of the style encoder."""

from __future__ import annotations

import numpy as np

from factory.audit.style import StyleJudge, own_style
from factory.models.style_judge import ClassifierOfStyle


def style_judge(style_encoder: str, judge: str | None, batch_size: int, threads: int) -> StyleJudge:
    """The judge in the folder of a classifier; without a classifier, the style encoder itself."""
    if judge is None:
        return StyleJudge(style_encoder, batch_size, threads)
    return ClassifierJudge(style_encoder, judge, batch_size, threads)


class ClassifierJudge(StyleJudge):
    """The classifier in a folder of fit-classifier, or in its part, judges; see `StyleJudge`.

    The probabilities are softmax(scale · cosines) over all its styles.
    """

    def __init__(self, style_encoder: str, judge: str, batch_size: int, threads: int) -> None:
        super().__init__(style_encoder, batch_size, threads)
        self._classifier = ClassifierOfStyle(judge, batch_size)
        self.styles = self._classifier.styles

    def __call__(self, images: np.ndarray, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `StyleJudge`; the style encoder need not know the styles."""
        return own_style(self.styles, self._probabilities(images), styles), self.features(images)

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        return self._classifier.probabilities(images)
