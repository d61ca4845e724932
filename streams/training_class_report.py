"""The report of a training run of several classes: one HTML page that needs nothing else."""

from collections.abc import Iterator

import numpy as np

from models.release_classes import words_of
from models.release_manifest import ClassFacts
from streams import training_plots as plots
from streams.text_safety import harmless
from streams.training_classes import ClassesElsewhere, TrainedClasses
from streams.training_page import cells, figure, page, safe, scrolled, table, video_link

MOST_DRAWN = 12
"""Classes with plots, those with most examples; thirty hashtags would be ninety plots."""

MISTAKES = 12

_HEADS = ["class", "with it", "base rate", "AP", "AUC", "ECE", "likely from", "error gone (90 %)", "better"]


def class_report_of(trained: TrainedClasses, elsewhere: ClassesElsewhere | None = None) -> str:
    """Write the page; titles and names come from strangers and are escaped.

    Parameters
    ----------
    elsewhere : ClassesElsewhere, optional
        How the release does on a table that nothing was learned from.
    """
    target = trained.order.target
    body = [
        f"<h1>{safe(target.title)}: {safe(trained.release_id)}</h1>",
        f"<p>{safe(target.description)}</p>",
        _verdict(trained),
        "<h2>Each class beside its base rate</h2>",
        _classes(trained),
        "<h2>What was compared</h2>",
        _candidates(trained),
        _methods(trained),
        *_tested(elsewhere),
        "<h2>In pictures</h2>",
        f"<p>Chances on held-out {target.group_by}s, of the classes with most examples.</p>",
        *_pictures(trained),
        "<h2>What the classes mean</h2>",
        table(
            ["class", "definition"], [[words_of(one.name), one.definition or "a hashtag"] for one in trained.classes]
        ),
        "<h2>Worst mistakes</h2>",
        _mistakes(trained),
    ]
    return page(f"{target.name} {trained.release_id}", body, is_good=trained.beats_constant)


def _verdict(trained: TrainedClasses) -> str:
    rows, metrics = trained.rows, trained.metrics
    verdict = "does better than" if trained.beats_constant else "does no better than"
    left_out = "; ".join(f"{name}: {why}" for name, why in sorted(rows.left_out.items()))
    return (
        f'<p class="verdict">It {verdict} the base rates of its classes, with 90 % confidence: '
        f"{metrics['skill']:.1%} of their squared error is gone ({metrics['skill_low']:.1%} to "
        f"{metrics['skill_high']:.1%}); mean average precision {metrics['ap']:.3f}.</p>"
        f"<p>Learned from {safe(trained.source)}: {len(rows.truth):,} of {rows.found:,} examples, of "
        f"{int(rows.groups.max()) + 1:,} {trained.order.target.group_by}s; {rows.layout.columns:,} columns.</p>"
        + (f"<p>Not learned: {safe(left_out)}.</p>" if left_out else "")
    )


def _classes(trained: TrainedClasses) -> str:
    return table(_HEADS, [_class_line(one) for one in trained.classes]) + (
        "<p>AP: average precision, for which guessing gets the base rate. AUC: area under the ROC curve. ECE: how far "
        "chances are from what came. Likely from: the chance from which on precision and recall together are best, 1 "
        "(never) for a class that is told no better than by its base rate. "
        "Error gone: the share of the base rate's squared error; better where that is certain with 90 % confidence.</p>"
    )


def _class_line(one: ClassFacts) -> list[str]:
    metrics = one.metrics
    figures = [f"{metrics[name]:.3f}" for name in ("base_rate", "ap", "auc", "ece")]
    gone = f"{metrics['skill']:.1%} ({metrics['skill_low']:.1%} to {metrics['skill_high']:.1%})"
    beats = "yes" if one.beats_base_rate else "no"
    return [words_of(one.name), f"{one.found} of {one.judged}", *figures, f"{one.likely_from:.3f}", gone, beats]


def _candidates(trained: TrainedClasses) -> str:
    lines = [
        [one.name, f"{one.ap:.3f}", f"{one.worse_by:.3g} ± {one.worse_by_error:.2g}" if one.worse_by else "the best"]
        for one in trained.learned.candidates
    ]
    names = [one.name for one in trained.learned.candidates]
    kept = table(
        ["way", "mean average precision", "worse than the best by"], lines,
        marked=names.index(trained.learned.chosen.name),
    )  # fmt: skip
    return kept + "<p>Kept: the simplest that is not worse than the best by more than one standard error.</p>"


def _methods(trained: TrainedClasses) -> str:
    scores = trained.scores
    heads = ["way", "class", *scores[0].figures]
    return table(heads, [[one.method, words_of(one.name), *map(_figure, one.figures.values())] for one in scores])


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""


def _tested(elsewhere: ClassesElsewhere | None) -> Iterator[str]:
    if elsewhere is None:
        return
    metrics = elsewhere.metrics
    yield f"<h2>On {safe(elsewhere.words)}</h2>"
    yield (
        f"<p>{len(elsewhere.rows.truth):,} examples: {metrics['skill']:.1%} of the base rates' squared error is gone "
        f"({metrics['skill_low']:.1%} to {metrics['skill_high']:.1%}).</p>"
    )
    names = ("base_rate", "ap", "auc", "ece", "recall", "f1")
    lines = [[words_of(name), *(_figure(own[key]) for key in names)] for name, own in elsewhere.classes.items()]
    yield table(["class", *names], lines)


def _pictures(trained: TrainedClasses) -> Iterator[str]:
    widest = sorted(trained.classes, key=lambda one: (-one.found, one.name))[:MOST_DRAWN]
    for one in widest:
        place = trained.rows.names.index(one.name)
        known = ~np.isnan(trained.rows.truth[:, place])
        truth, chances = trained.rows.truth[known, place] == 1, trained.learned.judged.chances[known, place]
        drawn = [
            figure("Precision and recall", plots.precision_recall(truth, chances, of=f"-{place}")),
            figure("ROC", plots.roc(truth, chances, of=f"-{place}")),
            figure("Reliability of the chances", plots.reliable(truth, chances, of=f"-{place}")),
        ]
        yield f'<h3>{safe(words_of(one.name))}</h3><div class="plots">{"".join(drawn)}</div>'


def _mistakes(trained: TrainedClasses) -> str:
    """The largest errors of all classes together."""
    rows, chances = trained.rows, trained.learned.judged.chances
    missed = np.nan_to_num(np.abs(chances - rows.truth))
    worst = np.argsort(-missed, axis=None, kind="stable")[:MISTAKES]
    lines = []
    for place in worst.tolist():
        row, column = divmod(place, missed.shape[1])
        fact, truth = rows.facts[row], "yes" if rows.truth[row, column] == 1 else "no"
        lines.append(
            f"<tr><td>{video_link(fact.video_id, fact.title)}</td>"
            f"{cells([harmless(fact.maker), words_of(rows.names[column]), f'{chances[row, column]:.0%}', truth])}</tr>"
        )
    return scrolled(["video", "by", "class", "said", "truth"], lines, numbers=(3,))
