"""The card of a release: what it was taught on, how good it is, and what it does not know."""

from models.release import Manifest

_CARD = """# {target}: {release_id}

Predicts the {target} of a video ({unit}), before anybody has seen it.

## What it was taught on
{source}: {rows} videos of {groups} channels. It only read: {read}. It saw no picture and heard no sound.

## How good it is
On channels it had never seen (five folds of whole channels; penalty, interval and probabilities chosen without them):

| | this release | the same answer for every video |
|---|---|---|
| mean squared error | {mse:.4g} | {mse_constant:.4g} |
| mean absolute error | {mae:.4g} | {mae_constant:.4g} |
| Brier score, "{success}" | {brier:.4f} | {brier_constant:.4f} |

- R2 {r2:.3f} (90 % bootstrap interval over channels: {r2_low:.3f} to {r2_high:.3f}); rank correlation {rho:.3f}.
- The 90 % interval held the truth in {coverage_90:.1%} of cases; before it is cut at the ends of the scale it is {interval_width:.4g} wide.
- Area under the curve for "{success}": {success_auc:.3f}.
- {verdict}

## What it does not know
{ignorance}
"""


def card_of(manifest: Manifest) -> str:
    """Write the card in Markdown from what was measured."""
    blocks = manifest.layout.blocks
    places = sorted({block.name if block.size > 1 else block.place for block in blocks})
    return _CARD.format(
        **manifest.metrics,
        target=manifest.target,
        release_id=manifest.release_id,
        unit=manifest.unit,
        source=manifest.training["source"],
        rows=manifest.rows,
        groups=manifest.training["groups"],
        read=", ".join(places),
        success=manifest.probability_of,
        verdict=_verdict(manifest),
        ignorance="\n".join(f"- {_sentence(caveat)}" for caveat in manifest.caveats),
    )


def caveats_of(source: str, metrics: dict[str, float]) -> tuple[str, ...]:
    """What everyone who reads a prediction of this release should know."""
    share = max(metrics["r2"], 0.0)
    return (
        f"taught on {source}; other times, places and platforms may behave differently",
        f"on unseen channels it explains {share:.0%} of the differences; most of what decides is not in it",
        "a link between words and success is not a cause: changing the words need not change the outcome",
    )


def _verdict(manifest: Manifest) -> str:
    if manifest.beats_constant:
        return "It does better than the constant, with 90 % confidence."
    return "It does no better than the constant with 90 % confidence, and was published all the same."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
