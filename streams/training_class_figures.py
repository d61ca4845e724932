"""What a training run of several classes found, for programs."""

from models.release_manifest import ClassFacts
from streams.training_classes import ClassesElsewhere, TrainedClasses


def class_outcome_of(
    trained: TrainedClasses, elsewhere: ClassesElsewhere | None, *, is_published: bool
) -> dict[str, object]:
    """All that one line can say; the figures are those on the test table where there is one."""
    rows = trained.rows
    metrics = elsewhere.metrics if elsewhere else trained.metrics
    outcome: dict[str, object] = {
        "target": trained.order.target.name,
        "release": trained.release_id,
        "rows": len(rows.truth),
        "groups": int(rows.groups.max()) + 1,
        "columns": rows.layout.columns,
        "chosen": trained.learned.chosen.name,
        "beats_constant": trained.beats_constant,
        "published": is_published,
        "judged_on": elsewhere.words if elsewhere else f"held-out {trained.order.target.group_by}s",
        "judged": len(elsewhere.rows.truth) if elsewhere else len(rows.truth),
        **metrics,
        "classes": [_class(one, elsewhere) for one in trained.classes],
        "left_out": dict(rows.left_out),
        "methods": [{"method": one.method, "class": one.name, **one.figures} for one in trained.scores],
    }
    if elsewhere:
        outcome["cross_validated"] = dict(trained.metrics)
    return outcome


def _class(one: ClassFacts, elsewhere: ClassesElsewhere | None) -> dict[str, object]:
    """A class that nobody judged in the test table has no figures there."""
    figures = elsewhere.classes.get(one.name, {}) if elsewhere else one.metrics
    said = {"class": one.name, "likely_from": one.likely_from, "beats_base_rate": one.beats_base_rate}
    return {**said, "judged": one.judged, "found": one.found, **figures}
