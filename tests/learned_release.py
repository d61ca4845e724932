"""A release of learned estimators for tests: taught for real on made-up videos, with words."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import fitted
import msgspec
import numpy as np

from models.estimators.difficulty import Difficulty
from models.estimators.examples import Estimator, Examples, Floats, Groups
from models.estimators.folds import group_folds
from models.estimators.from_summaries import examples_of
from models.estimators.kernel import KernelRidge
from models.estimators.learned import Learned, Task, learn
from models.estimators.linear import RidgeRegression
from models.estimators.phrasing import Phrasing
from models.estimators.trees import Trees, gradient_boosting
from models.layout_choice import layout_for
from models.release import LearnedRelease, save
from models.release_learned import Facts, release_of, with_card
from schemas.summaries import Summarised
from schemas.targets import Measure, TargetDefined

COUNT = 320
TARGET = TargetDefined(
    event_id="0" * 32,
    name="engagement",
    version=3,
    kind="regression",
    title="Engagement",
    description="Likes and comments in a hundred views.",
    measures=(Measure(name="share", formula="engagement", unit="in a hundred views"),),
    success="among the best fifth",
)


def few_trees() -> Trees:
    """Boosting that is over in a moment."""
    return Trees("gradient boosting", gradient_boosting().settings, 30)


def members() -> Sequence[Estimator]:
    """One of each kind."""
    return (RidgeRegression(), KernelRidge(), Phrasing(), few_trees())


def video(number: int, **changes) -> Summarised:
    """A made-up video in which a puppy plays, or an engine runs."""
    said = "a puppy plays in the garden" if number % 3 else "an engine runs in the yard"
    return fitted.summary(number, **{"words": said} | changes)


@cache
def taught(count: int = COUNT, makers: int = 40) -> Task:
    """Titles that shout are engaging, and so are puppies and some vectors; the rest is luck."""
    summaries = [video(number) for number in range(count)]
    examples = examples_of(summaries, layout_for(summaries))
    groups: Groups = np.arange(count) % makers
    truth = _truth(examples)
    return Task(
        examples=examples,
        truth=truth,
        groups=groups,
        folds=group_folds(groups),
        threshold=float(np.quantile(truth, 0.8)),
        limits=(0.0, 100.0),
    )


def _truth(examples: Examples) -> Floats:
    shouts = np.array([text.text.count("!") for text in examples.words])
    first = examples.table.values[:, examples.layout.owners == _place(examples, "video/text")][:, 0]
    luck = np.random.default_rng(5).normal(size=len(examples)) * 2
    puppies = np.array(["puppy" in text.text for text in examples.words])
    truth: Floats = np.clip(20 + 4 * shouts + 8 * puppies + 12 * first + luck, 0, 100)
    return truth


def _place(examples: Examples, name: str) -> int:
    return [block.name for block in examples.layout.blocks].index(name)


@cache
def learned(only: int | None = None) -> Learned:
    """Everybody competes, or one of `members` is taken whatever it is worth."""
    if only is None:
        return learn(taught(), members=members())
    task, member = taught(), members()[only]
    fitted_alone = member.fit(task.examples, task.truth, groups=task.groups, seed=1)
    return replace(learn(task, members=(member,)), fitted=fitted_alone)


def facts(release_id: str = "e1", **changes) -> Facts:
    """What the trainer knows."""
    task = taught()
    given = {
        "target": TARGET,
        "release_id": release_id,
        "measure": "share",
        "unit": "in a hundred views",
        "layout": task.examples.layout,
        "threshold": task.threshold,
        "limits": task.limits,
        "trained_at_s": 5.0,
        "rows": len(task.truth),
        "groups": 40,
        "window_s": (1.6e9, 1.7e9),
        "training": {"source": "made up", "split": "5 folds of whole channels"},
        "stages": {"text": "hashed"},
        "caveats": ("made up",),
    }
    return Facts(**given | changes)


def release(release_id: str = "e1", *, only: int | None = None, **changes) -> LearnedRelease:
    """A release of what was learned."""
    return with_card(release_of(learned(only), facts(release_id, **changes)), "# made up\n")


def release_folder(folder: Path, release_id: str = "e1", **changes) -> Path:
    """The same on disk."""
    save(release(release_id, **changes), folder)
    return folder


@cache
def probability_release() -> LearnedRelease:
    """The same videos, and whether each was among the best fifth."""
    task = taught()
    yes = (task.truth > task.threshold).astype(np.float64)
    sure = replace(task, truth=yes, threshold=0.5, limits=(0.0, 1.0))
    target = msgspec.structs.replace(TARGET, name="viral_probability", kind="probability")
    given = facts("p1", target=target, unit="chance", threshold=0.5, limits=(0.0, 1.0))
    return release_of(learn(sure, members=(RidgeRegression(),)), given)


def harder_release(limits: tuple[float, float] | None = None) -> LearnedRelease:
    """Videos about engines are thought three times as hard to foresee as those about puppies."""
    task, made = taught(), release(only=0, limits=limits)
    engines = np.array([1.0 + 2.0 * ("engine" in text.text) for text in task.examples.words])
    sizes = Phrasing().fit(task.examples, engines, groups=task.groups, seed=1)
    return replace(made, difficulty=Difficulty(sizes, float(engines.mean())))


def of_few_groups(limits: tuple[float, float] | None) -> LearnedRelease:
    """As if there were seven channels in the world."""
    task = taught()
    groups: Groups = np.arange(len(task.truth)) % 7
    few = replace(task, groups=groups, folds=group_folds(groups), limits=limits)
    return release_of(learn(few, members=(RidgeRegression(),)), facts("f1", limits=limits, groups=7))
