"""The card of a release: what it was taught on, how good it is, and what it does not know."""

from models.layout import topic_of
from models.release_manifest import LearnedManifest
from models.taught_on import in_words
from schemas.targets import TargetDefined

_CARD = """# {target}: {release_id}

Predicts the {target} of a video ({unit}), before anybody has seen it; the truth is measured by `{measure}`.

## What it was taught on
{source}: {rows} videos of {groups} channels or authors{part}. It read {read}.
{made_by}
## How good it is
On channels it had never seen ({split}; choice, interval and probabilities made without them):

| | this release ({estimator}) | the same answer for every video |
|---|---|---|
| mean squared error | {mse:.4g} | {mse_constant:.4g} |
| mean absolute error | {mae:.4g} | {mae_constant:.4g} |
| Brier score, "{success}" | {brier:.4f} | {brier_constant:.4f} |

- R2 {r2:.3f} (90 % bootstrap interval over channels: {r2_low:.3f} to {r2_high:.3f}); rank correlation {rho:.3f}.{later}{coverage}
- Area under the curve for "{success}": {success_auc:.3f}; its probabilities are {ece:.3f} off in the mean.
- {verdict}

## What it was chosen from
{candidates}

## What it does not know
{ignorance}
"""


def card_of(manifest: LearnedManifest) -> str:
    """Write the card in Markdown from what was measured."""
    training = manifest.training
    return _CARD.format(
        **manifest.metrics,
        target=manifest.target,
        release_id=manifest.release_id,
        unit=manifest.unit,
        measure=manifest.measure,
        estimator=manifest.estimator,
        source=training["source"],
        rows=manifest.rows,
        groups=manifest.groups,
        part=f" ({training['part']})" if "part" in training else "",
        made_by="".join(f"- Vectors of {line}.\n" for line in in_words(manifest.taught_on)),
        read=", ".join(dict.fromkeys(topic_of(block).words for block in manifest.layout.blocks)),
        split=training["split"],
        success=manifest.probability_of,
        later=_later(training),
        coverage=_coverage(manifest.metrics),
        verdict=_verdict(manifest),
        candidates="\n".join(f"- {name}: mean squared error {mse:.4g}" for name, mse in manifest.candidates.items()),
        ignorance="\n".join(f"- {_sentence(caveat)}" for caveat in manifest.caveats),
    )


def caveats_of(source: str, target: TargetDefined, metrics: dict[str, float]) -> tuple[str, ...]:
    """What everyone who reads a prediction of this release should know."""
    share = max(metrics["r2"], 0.0)
    early = ("early counts are not read: it sees only what is known before publishing",)
    return (
        f"taught on {source}; other times, places and platforms may behave differently",
        f"on unseen channels it explains {share:.0%} of the differences; most of what decides is not in it",
        "a link between words and success is not a cause: changing the words need not change the outcome",
        *(early if target.sees == "early_outcomes" else ()),
    )


def _later(training: dict[str, str]) -> str:
    return (
        f"\n- On videos later than all it was taught on: R2 {training['r2_later']}." if "r2_later" in training else ""
    )


def _coverage(metrics: dict[str, float]) -> str:
    if "coverage_90" not in metrics:
        return ""
    return (
        f"\n- The 90 % interval held the truth in {metrics['coverage_90']:.1%} of cases and is "
        f"{_wide(metrics.get('interval_width'))} in the mean; that of one answer for all is "
        f"{_wide(metrics.get('interval_width_constant'))}."
    )


def _wide(width: float | None) -> str:
    # Figures that are not finite are not kept: an interval has no end where too few channels say how wide it must be.
    return "endless (too few channels)" if width is None else f"{width:.4g} wide"


def _verdict(manifest: LearnedManifest) -> str:
    if manifest.beats_constant:
        return "It does better than the constant, with 90 % confidence."
    return "It does no better than the constant with 90 % confidence, and was published all the same."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
