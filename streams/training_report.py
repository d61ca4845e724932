"""The report of a training run: one HTML page that needs nothing else."""

from collections.abc import Iterable, Mapping, Sequence

from models.estimators.examples import Floats, Groups
from models.estimators.learned import LEVEL, Judged, Task
from streams import training_plots as plots
from streams.text_safety import harmless
from streams.training import Elsewhere, Trained, figures, task_of
from streams.training_figures import Compared, compared, mse_interval, what_matters, worst_mistakes
from streams.training_page import cells, figure, page, safe, scrolled, table, video_link
from streams.training_rows import Rows


def report_of(trained: Trained, elsewhere: Elsewhere | None = None) -> str:
    """Write the page; titles and names come from strangers and are escaped.

    Parameters
    ----------
    elsewhere : Elsewhere, optional
        How the release does on a table that nothing was learned from.
    """
    body = [
        f"<h1>{safe(trained.target.title)}: {safe(trained.release_id)}</h1>",
        f"<p>{safe(trained.target.description)}</p>",
        _verdict(trained),
        "<h2>How good it is</h2>",
        _errors(trained, elsewhere),
        "<h2>What was compared</h2>",
        _candidates(compared(trained)),
        "<h2>In pictures</h2>",
        f'<p>On held-out {trained.target.group_by}s.</p><div class="plots">{"".join(_figures(trained))}</div>',
        *_tested(trained, elsewhere),
        "<h2>Which features matter</h2>",
        _what_matters(trained),
        "<h2>Worst mistakes</h2>",
        _mistakes(trained.rows, trained.learned.judged, said=_said(trained, trained.learned.judged)),
    ]
    title = f"{trained.target.name} {trained.release_id}"
    return page(title, body, is_good=trained.learned.beats_constant)


def _verdict(trained: Trained) -> str:
    rows, metrics = trained.rows, trained.learned.metrics
    verdict = (
        "It does better than the constant" if trained.learned.beats_constant else "It does no better than the constant"
    )
    needed = trained.curve.needed
    examples = (
        "no number of examples of this kind would do"
        if needed is None
        else f"by the learning curve about {needed:,} examples are enough for that"
    )
    groups = int(rows.groups.max()) + 1
    return (
        f'<p class="verdict">{verdict}, with 90 % confidence: R2 {metrics["r2"]:.3f} '
        f"({metrics['r2_low']:.3f} to {metrics['r2_high']:.3f}); {examples}.</p>"
        f"<p>Learned from {safe(trained.source)}: {len(rows.truth):,} videos of {groups:,} "
        f"{trained.target.group_by}s, {rows.found:,} having been read; measured by "
        f"<em>{safe(rows.measure.name)}</em> ({safe(rows.measure.unit)}); "
        f"{rows.examples.layout.columns:,} columns and the words themselves.</p>"
    )


def _errors(trained: Trained, elsewhere: Elsewhere | None) -> str:
    lines = [_error_line(f"held-out {trained.target.group_by}s", trained, trained.task, trained.learned.judged)]
    if elsewhere:
        task = task_of(elsewhere.rows, trained.target, threshold=trained.task.threshold)
        lines.append(_error_line(elsewhere.words, trained, task, elsewhere.judged))
    if trained.later is not None:
        later = trained.later
        nothing = [""] * 3
        cells = [f"{later['mse']:.4g}", f"{later['mse_constant']:.4g}", _r2(later), f"{later['rho']:.3f}", *nothing]
        lines.append(["later videos than all it was taught on", *cells])
    heads = ["judged on", "mean squared error", "the constant's", "R2", "rank correlation", "coverage", "calibration error", "AUC"]  # fmt: skip
    return table(heads, lines) + "<p>In brackets: 90 % of resamplings of whole groups lie there.</p>"


def _error_line(words: str, trained: Trained, task: Task, judged: Judged) -> list[str]:
    metrics = figures(trained.target, task, judged)
    truth, groups = task.truth[judged.rows], task.groups[judged.rows]
    coverage = f"{metrics['coverage_90']:.1%}" if "coverage_90" in metrics else "does not apply"
    return [
        words,
        _with_interval(truth - _said(trained, judged), groups),
        _with_interval(truth - judged.constants, groups),
        _r2(metrics),
        f"{metrics['rho']:.3f}",
        coverage,
        f"{metrics['ece']:.3f}",
        f"{metrics['success_auc']:.3f}",
    ]


def _with_interval(errors: Floats, groups: Groups) -> str:
    low, high = mse_interval(errors, groups)
    return f"{float((errors**2).mean()):.4g} ({low:.4g} to {high:.4g})"


def _r2(metrics: Mapping[str, float]) -> str:
    return f"{metrics['r2']:.3f} ({metrics['r2_low']:.3f} to {metrics['r2_high']:.3f})"


def _said(trained: Trained, judged: Judged) -> Floats:
    """What users read: of a probability the calibrated chance."""
    return judged.chances if trained.target.kind == "probability" else judged.values


def _candidates(found: Sequence[Compared]) -> str:
    heads = ["estimator", "mean squared error", "R2", "90 % interval", "worse than the best by"]
    lines = [
        [
            one.name,
            f"{one.mse:.4g}",
            f"{one.r2:.3f}",
            "" if one.r2_interval is None else f"{one.r2_interval[0]:.3f} to {one.r2_interval[1]:.3f}",
            f"{one.worse_by:.3g} ± {one.worse_by_error:.2g}" if one.worse_by else "0",
        ]
        for one in found
    ]
    chosen = next((place for place, one in enumerate(found) if one.is_chosen), -1)
    rule = "<p>Kept: the simplest that is not worse than the best by more than one standard error.</p>"
    return table(heads, lines, marked=chosen) + rule


def _figures(trained: Trained) -> Iterable[str]:
    judged, task = trained.learned.judged, trained.task
    truth = task.truth[judged.rows]
    success = truth > task.threshold
    if success.any() and not success.all():
        words = safe(trained.target.success or "above the threshold")
        yield figure(f"ROC: {words}", plots.roc(success, judged.chances))
        yield figure(f"Precision and recall: {words}", plots.precision_recall(success, judged.chances))
        yield figure("Reliability of the chances", plots.reliable(success, judged.chances))
    if trained.target.kind != "probability":
        inside = (judged.low <= truth) & (truth <= judged.high)
        yield figure("Coverage of the 90 % interval", plots.covered(judged.values, inside, level=LEVEL))
        yield figure("Said and true", plots.said_and_true(truth, judged.values, unit=trained.rows.measure.unit))
    if trained.curve.points:
        yield figure("Learning curve", plots.learning(trained.curve))


def _tested(trained: Trained, elsewhere: Elsewhere | None) -> list[str]:
    if elsewhere is None:
        return []
    said = _said(trained, elsewhere.judged)
    return [
        f"<h2>Worst mistakes on {safe(elsewhere.words)}</h2>",
        _mistakes(elsewhere.rows, elsewhere.judged, said=said),
    ]


def _what_matters(trained: Trained) -> str:
    found = what_matters(trained)
    if not found:
        return "<p>Nothing: it says the same of every video.</p>"
    names, sizes = [one.words for one in found], [one.mean_size for one in found]
    unit = trained.rows.measure.unit
    return figure("How far each topic moves a prediction", plots.matters(names, sizes, unit=unit))


def _mistakes(rows: Rows, judged: Judged, *, said: Floats) -> str:
    heads = ["video", "by", "said", "truth"]
    found = worst_mistakes(rows, judged, said=said)
    lines = [
        f"<tr><td>{video_link(m.video_id, m.title)}</td>"
        f"{cells([harmless(m.maker), f'{m.said:.4g}', f'{m.truth:.4g}'])}</tr>"
        for m in found
    ]
    return scrolled(heads, lines, numbers=(2, 3))
