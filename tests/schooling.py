"""Made-up examples for estimators: two vectors, some numbers and words, and an outcome that depends on each."""

import numpy as np

from models.estimators.examples import Examples, Floats, Groups
from models.estimators.words import Text
from models.layout import Block, Layout, Table

LAYOUT = Layout(
    (
        Block("video/text", 12),
        Block("segments/text", 6),
        Block("metadata/title_words"),
        Block("metadata/tags"),
        Block("category/Music"),
    )
)
WORDS = ("harbour", "violin", "goal", "recipe", "engine", "sermon", "puppy", "quiz")


def examples(count: int = 240, seed: int = 0) -> Examples:
    """Rows of which a sixth lack one block or another."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(count, LAYOUT.columns))
    values[:, -1] = random.integers(0, 2, count)
    present = random.random((count, len(LAYOUT.blocks))) > 1 / 6
    values = np.where(present[:, LAYOUT.owners], values, 0.0)
    said = tuple(Text(" ".join(random.choice(WORDS, 12))) for _ in range(count))
    return Examples(Table(values, present), LAYOUT, said)


def truth(of: Examples, noise: float = 0.3, seed: int = 1) -> Floats:
    """A slope in a number, a bend in a vector, a word that helps, and luck."""
    values = of.table.values
    unit = values[:, :12] / np.maximum(np.linalg.norm(values[:, :12], axis=1, keepdims=True), 1e-9)
    helped = np.array([text.text.count("puppy") for text in of.words])
    luck = np.random.default_rng(seed).normal(size=len(of)) * noise
    outcome: Floats = 5.0 + values[:, 18] + 2 * unit[:, 0] ** 2 + unit[:, 1] + 0.4 * helped + luck
    return outcome


def groups(count: int = 240, makers: int = 40) -> Groups:
    """Makers of about equally many rows."""
    return np.arange(count) % makers
