"""The plots of a training report, as SVG to stand inside a page: no files, no network, the same bytes each time."""

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.calibration import reliability
from models.estimators.curve import Curve
from models.estimators.examples import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bools = NDArray[np.bool_]

WIDTH_IN, HEIGHT_IN = 4.6, 3.4
OURS, THEIRS = "#0b6e99", "#9a9a9a"
FIFTHS = 5

_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


def roc(success: Bools, chances: Floats, *, of: str = "") -> str:
    """Successes found by share of the others taken for one, along all thresholds.

    Parameters
    ----------
    of : str
        Tells several of these plots on one page apart; letters, digits and ``-``.
    """
    from sklearn.metrics import roc_curve

    wrong, right, _ = roc_curve(success, chances)

    def draw(axes: "Axes") -> None:
        axes.plot(wrong, right, color=OURS, label="this release")
        axes.plot([0, 1], [0, 1], color=THEIRS, linestyle="--", label="guessing")
        _named(axes, "share of the others taken for a success", "share of the successes found")

    return _svg(f"roc{of}", draw)


def precision_recall(success: Bools, chances: Floats, *, of: str = "") -> str:
    """How many of those picked are successes, by how many of the successes are picked; see `roc`."""
    from sklearn.metrics import precision_recall_curve

    precise, found, _ = precision_recall_curve(success, chances)

    def draw(axes: "Axes") -> None:
        axes.plot(found, precise, color=OURS, label="this release")
        axes.axhline(float(success.mean()), color=THEIRS, linestyle="--", label="guessing")
        axes.set_ylim(0, 1.02)
        _named(axes, "share of the successes found (recall)", "successes among those picked (precision)")

    return _svg(f"precision-recall{of}", draw)


def reliable(success: Bools, chances: Floats, *, of: str = "") -> str:
    """What came of videos by the chance that was given to them, a tenth of them at a time; see `roc`."""
    bins = reliability(chances, success)

    def draw(axes: "Axes") -> None:
        top = min(1.0, max(*(one.said for one in bins), *(one.came for one in bins)) + 0.05)
        axes.plot([0, top], [0, top], color=THEIRS, linestyle="--", label="exactly right")
        axes.plot(
            [one.said for one in bins], [one.came for one in bins], "o-", color=OURS, label="a tenth of the videos"
        )
        _named(axes, "chance that was said", "share that came true")

    return _svg(f"reliability{of}", draw)


def covered(said: Floats, inside: Bools, *, level: float) -> str:
    """How often the interval held the truth, in each fifth of the predictions."""
    fifths = np.array_split(np.argsort(said, kind="stable"), FIFTHS)
    shares = [float(inside[part].mean()) for part in fifths if len(part)]

    def draw(axes: "Axes") -> None:
        axes.bar(range(1, len(shares) + 1), shares, color=OURS)
        axes.axhline(level, color="black", linestyle="--", label=f"promised: {level:.0%}")
        axes.set_ylim(0, 1.25)  # room for the legend above the bars
        axes.set_yticks(np.arange(0, 1.1, 0.2))
        _named(axes, "fifth of the predictions, lowest first", "truth inside the interval")

    return _svg("coverage", draw)


def learning(curve: Curve) -> str:
    """Error by number of examples, the constant's beside it."""

    def draw(axes: "Axes") -> None:
        counts = [point.examples for point in curve.points]
        axes.plot(counts, [point.mse for point in curve.points], "o-", color=OURS, label="ridge")
        axes.plot(counts, [point.mse_constant for point in curve.points], "--", color=THEIRS, label="constant")
        axes.set_xscale("log")
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
        _named(axes, "examples learned from", "mean squared error, held out")

    return _svg("learning-curve", draw)


def said_and_true(truth: Floats, said: Floats, *, unit: str) -> str:
    """Each held-out video as a point."""

    def draw(axes: "Axes") -> None:
        low, high = float(min(truth.min(), said.min())), float(max(truth.max(), said.max()))
        axes.plot([low, high], [low, high], color=THEIRS, linestyle="--", label="exactly right")
        axes.scatter(*_thinned(said, truth), s=6, alpha=0.35, color=OURS, linewidths=0)
        _named(axes, f"said: {unit}", "truth")

    return _svg("said-and-true", draw)


def matters(names: Sequence[str], sizes: Sequence[float], *, unit: str) -> str:
    """What moves predictions, and how far."""
    labels = [textwrap.fill(name, LABEL_CHARACTERS) for name in names]
    lines = sum(label.count("\n") + 1 for label in labels)

    def draw(axes: "Axes") -> None:
        axes.barh(range(len(names)), list(sizes), color=OURS)
        axes.set_yticks(range(len(names)), labels)
        axes.invert_yaxis()
        axes.set_xlabel(f"mean change of a prediction: {unit}")

    return _svg("what-matters", draw, width_in=1.5 * WIDTH_IN, height_in=max(1.2, 0.26 * lines + 0.7))


MOST_POINTS = 1500
LABEL_CHARACTERS = 38


def _thinned(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    places = np.unique(np.linspace(0, len(one) - 1, min(len(one), MOST_POINTS)).astype(np.int64))
    return one[places], other[places]


def _named(axes: "Axes", across: str, up: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(frameon=False, fontsize="small")


def _svg(name: str, draw: Callable[["Axes"], None], *, width_in: float = WIDTH_IN, height_in: float = HEIGHT_IN) -> str:
    """Draw without a display; ids inside are made from `name`, so that several plots fit on one page."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawing = buffer.getvalue()
    return _own_ids(_METADATA.sub("", drawing[drawing.index("<svg") :]), name)


def _own_ids(drawing: str, name: str) -> str:
    """Groups are called ``axes_1`` and the like in every figure; on a page each id must be there once."""
    named = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawing)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", named)
