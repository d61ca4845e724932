"""The card of a release of several classes: what it was taught on, how well it tells them, what it does not know."""

from models.layout import topic_of
from models.release_manifest import ClassFacts, ClassManifest
from models.taught_on import in_words
from schemas.event import WHOLE_VIDEO
from schemas.targets import TargetDefined
from streams.training_class_rows import ClassRows

_CARD = """# {target}: {release_id}

Says how likely each of {count} classes is, {scope}.

## What it was taught on
{source}: {examples} of {groups} channels or authors. It read {read}.
{made_by}
## How good it is
On channels it had never seen ({split}; choice, penalties and calibration made without them):

| class | share of the examples | average precision | area under the curve | calibration error | better than its share |
|---|---|---|---|---|---|
{classes}

- Mean average precision {ap:.3f}, mean area under the curve {auc:.3f}, mean calibration error {ece:.3f}.
- Squared error of all chances {brier:.4f}; saying of every video how common each class is: {brier_base_rate:.4f}.
- {verdict}

## What the classes mean
{definitions}

## What it was chosen from
{candidates}

## What it does not know
{ignorance}
"""

_SCOPES = {"video": "in a whole video", "segment": "in each segment", "both": "in a whole video and in each segment"}


def class_card(manifest: ClassManifest) -> str:
    """Write the card in Markdown from what was measured."""
    training = manifest.training
    read = dict.fromkeys(topic_of(block).words for block in manifest.layout.blocks)
    words = {"the words of title and description, without hashtags": None} if manifest.reads_words else {}
    return _CARD.format(
        **manifest.metrics,
        target=manifest.target,
        release_id=manifest.release_id,
        count=len(manifest.classes),
        scope=_SCOPES[manifest.scope],
        source=training["source"],
        examples=training["examples"],
        groups=manifest.groups,
        made_by="".join(f"- Vectors of {line}.\n" for line in in_words(manifest.taught_on)),
        read=", ".join([*words, *read]),
        split=training["split"],
        classes="\n".join(map(_line, manifest.classes)),
        verdict=_verdict(manifest),
        definitions="\n".join(f"- {one.name}: {one.definition or 'a hashtag'}" for one in manifest.classes),
        candidates="\n".join(_candidate(name, ap, manifest) for name, ap in manifest.candidates.items()),
        ignorance="\n".join(f"- {_sentence(text)}" for text in _ignorance(manifest)),
    )


def caveats_of(source: str, target: TargetDefined, rows: ClassRows) -> tuple[str, ...]:
    """What everyone who reads a prediction of this release should know."""
    if not target.classes:
        return (
            f"taught on {source}, on videos that bear at least one hashtag; its classes are the hashtags of these",
            "a hashtag that such videos bear need not be why they are seen",
        )
    taught = f"taught on {source}; what other people would call by these names may differ"
    if WHOLE_VIDEO not in rows.scopes:
        return taught, "taught on segments only: the chance for a whole video is that of its average segment"
    if set(rows.scopes) == {WHOLE_VIDEO} and target.scope != "video":
        return taught, "taught on whole videos only: chances of single segments are less sure"
    return (taught,)


def _line(one: ClassFacts) -> str:
    metrics = one.metrics
    return (
        f"| {one.name} | {one.base_rate:.3f} ({one.found} of {one.judged}) | {metrics['ap']:.3f} | "
        f"{metrics['auc']:.3f} | {metrics['ece']:.3f} | {'yes' if one.beats_base_rate else 'no'} |"
    )


def _candidate(name: str, ap: float, manifest: ClassManifest) -> str:
    return f"- {name}: mean average precision {ap:.3f}{' (kept)' if name == manifest.estimator else ''}"


def _verdict(manifest: ClassManifest) -> str:
    if manifest.beats_constant:
        return "It tells the classes better than their shares do, with 90 % confidence."
    return "It tells the classes no better than their shares do, and was published all the same."


def _ignorance(manifest: ClassManifest) -> tuple[str, ...]:
    left_out = manifest.training.get("left_out")
    return (*manifest.caveats, *((f"not learned for want of examples: {left_out}",) if left_out else ()))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
