"""Targets from forms: definitions as data, checked by the rules that files follow."""

from typing import Any

import msgspec

from schemas.targets import TargetClass, TargetDefined
from streams.target_files import checked_definition

Raw = dict[str, Any]  # Any: what a form holds

MEASURE = {"name": "labelled", "formula": "labels", "unit": "yes or no for each class"}


def with_classes(wanted: Raw, known: TargetDefined | None) -> TargetDefined:
    """Make a definition of what somebody wants; the next version where the target is there already.

    Raises
    ------
    DefinitionInvalid
        Something in it cannot work; says what, and what to do.
    """
    raw = {
        **wanted,
        "version": 1,
        "kind": "multilabel",
        "title": wanted["title"].strip() or wanted["name"].replace("_", " ").capitalize(),
        "description": wanted["description"].strip() or "Classes of our own.",
        "measures": [MEASURE],
    }
    made = checked_definition(raw)
    if known is None:
        return made
    if _content(known) == _content(made):
        return known
    return checked_definition({**raw, "version": known.version + 1})


def with_class(wanted: Raw, known: TargetDefined) -> TargetDefined:
    """Make the next version of a target, with one more class, or with a class defined anew.

    Raises
    ------
    DefinitionInvalid
        The class cannot work; says why.
    """
    added = TargetClass(name=wanted["name"], definition=wanted["definition"], aliases=tuple(wanted["aliases"]))
    classes = [added if one.name == added.name else one for one in known.classes]
    if tuple(classes) == known.classes and added not in classes:
        classes.append(added)
    if tuple(classes) == known.classes:
        return known
    raw = msgspec.to_builtins(msgspec.structs.replace(known, classes=tuple(classes), version=known.version + 1))
    return checked_definition({name: value for name, value in raw.items() if name not in ("type", "event_id")})


def _content(target: TargetDefined) -> TargetDefined:
    return msgspec.structs.replace(target, event_id="", version=1)
