"""Definitions of targets as TOML files: read, checked, and every mistake named with its line."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import msgspec

from schemas.errors import UsageError
from schemas.event import derive_id
from schemas.targets import Formula, Measure, TargetClass, TargetDefined

SHIPPED = Path(__file__).resolve().parent.parent / "models" / "targets"

TABLES: Mapping[str, type[msgspec.Struct]] = {"measures": Measure, "classes": TargetClass}
"""Lists of tables inside a definition, and what each entry is."""

MULTILABEL: frozenset[Formula] = frozenset({"hashtags", "labels"})

NAME_RULE = "expected a name of small letters, digits and _ that begins with a letter"

Raw = dict[str, Any]  # Any: what TOML holds

_BY_TABLE = re.compile(r"\.?(\w+)\[(\d+)\](?:\.(\w+))?")
_WITH_PATH = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`", re.DOTALL)


class DefinitionInvalid(UsageError):
    """A definition cannot be used; the message has one line for each mistake."""


def read_definition(path: Path) -> TargetDefined:
    """Read a definition and check it.

    Raises
    ------
    DefinitionInvalid
        It cannot be read, or something in it cannot work; names line and field, and what to do.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionInvalid(f"cannot read {path}: {error}; expected a TOML file in UTF-8") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionInvalid(f"{path.name} is not TOML: {error}") from error
    return _checked(raw, _Places(text, path.name))


def checked_definition(raw: Raw) -> TargetDefined:
    """Check a definition that stands in no file: from a form, or a program.

    Raises
    ------
    DefinitionInvalid
        Something in it cannot work; names the field, and what to do.
    """
    return _checked(raw, _Fields("", "definition"))


def shipped() -> dict[str, TargetDefined]:
    """The definitions that come with Groundswell, by name."""
    return {path.stem: read_definition(path) for path in sorted(SHIPPED.glob("*.toml"))}


def as_toml(target: TargetDefined) -> str:
    """Write a definition so that it can be read again; comments are not kept.

    >>> '[[measures]]' in as_toml(shipped()["virality"])
    True
    """
    fields = {name: value for name, value in msgspec.to_builtins(target).items() if name not in ("type", "event_id")}
    lines = [f"{name} = {_toml(value)}" for name, value in fields.items() if name not in TABLES]
    for table in TABLES:
        for entry in fields.get(table, ()):
            lines += ["", f"[[{table}]]", *(f"{name} = {_toml(value)}" for name, value in entry.items())]
    return "\n".join(lines) + "\n"


class _Places:
    """Finds the line of a field in the file's text."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self.name = name

    def where(self, field: str) -> str:
        """``file.toml:12 measures[1].formula``; the line of the table where the field itself is absent."""
        number = self._line(field)
        return f"{self.name}:{number} {field}".strip()

    def _line(self, field: str) -> int:
        inner = _BY_TABLE.match(field)
        if inner is None:
            return self._find(rf"\s*{re.escape(field)}\s*=", 0) or 1
        headers = [n for n, line in enumerate(self._lines) if re.match(rf"\s*\[\[\s*{inner[1]}\s*\]\]", line)]
        first = headers[int(inner[2])] if int(inner[2]) < len(headers) else 0
        return (self._find(rf"\s*{inner[3]}\s*=", first + 1, within=True) if inner[3] else 0) or first + 1

    def _find(self, pattern: str, first: int, *, within: bool = False) -> int:
        for number, line in enumerate(self._lines[first:], first + 1):
            if within and line.lstrip().startswith("["):
                return 0
            if re.match(pattern, line):
                return number
        return 0


class _Fields(_Places):
    """Names fields where there are no lines."""

    def where(self, field: str) -> str:
        """``measures[1].formula``, or what the whole is called."""
        return field or self.name


def _checked(raw: Raw, places: _Places) -> TargetDefined:
    mistakes = [f"{places.where(field)}: {what}" for field, what in _unknown_fields(raw)]
    if mistakes:
        raise DefinitionInvalid("\n".join(mistakes))
    try:
        target = msgspec.convert({**raw, "event_id": "", "type": TargetDefined.__name__}, TargetDefined)
    except msgspec.ValidationError as error:
        raise DefinitionInvalid(_type_mistake(str(error), places)) from error
    mistakes = [f"{places.where(field)}: {what}" for field, what in _mistakes(target)]
    if mistakes:
        raise DefinitionInvalid("\n".join(mistakes))
    return named(target)


def named(target: TargetDefined) -> TargetDefined:
    """Give a definition the event id that follows from its content."""
    content = msgspec.json.encode(msgspec.structs.replace(target, event_id=""), order="deterministic")
    return msgspec.structs.replace(target, event_id=derive_id("define", "1", content.decode()))


def _type_mistake(error: str, places: _Places) -> str:
    found = _WITH_PATH.fullmatch(error)
    if found is None:  # a field of the definition itself is missing
        return f"{places.where('')}: {error}"
    what = NAME_RULE if "matching regex" in found["what"] else found["what"]
    return f"{places.where(found['path'])}: {what}{_choices(found['path'])}"


def _choices(field: str) -> str:
    """What may stand in a field that takes one of a few words."""
    inner = _BY_TABLE.match(field)
    struct = TABLES[inner[1]] if inner and inner[1] in TABLES else TargetDefined
    name = (inner[3] if inner else field) or ""
    hints = {f.name: f.type for f in msgspec.structs.fields(struct)}
    words = [str(word) for word in get_args(hints.get(name, str)) if isinstance(word, str)]
    return f"; expected one of {', '.join(words)}" if words else ""


def _unknown_fields(raw: Raw) -> Iterator[tuple[str, str]]:
    yield from _unknown(raw, TargetDefined, "")
    for table, struct in TABLES.items():
        entries = raw.get(table, [])
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                yield from _unknown(entry, struct, f"{table}[{index}].")


def _unknown(found: Raw, struct: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str]]:
    known = [name for name in struct.__struct_fields__ if name != "event_id"]
    for name in found:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
            yield f"{prefix}{name}", f"there is no such field; {hint}"


def _mistakes(target: TargetDefined) -> Iterator[tuple[str, str]]:
    """What msgspec cannot see: fields that do not go together."""
    if target.version < 1:
        yield "version", f"expected 1 or more, got {target.version}"
    if not target.measures:
        yield "measures", "expected at least one [[measures]] that says what the target is computed from"
    if not 0 < target.top_share < 1:
        yield "top_share", f"expected a share between 0 and 1, got {target.top_share:g}"
    if target.kind == "probability" and not target.success:
        yield "success", "a probability needs words for what it is the probability of"
    yield from _mistakes_of_time(target)
    for index, measure in enumerate(target.measures):
        yield from ((f"measures[{index}].{name}", what) for name, what in _mistakes_of_measure(target, measure))
    yield from _twice("measures", [measure.name for measure in target.measures])
    yield from _mistakes_of_classes(target)


def _mistakes_of_time(target: TargetDefined) -> Iterator[tuple[str, str]]:
    for name in ("age_days", "tolerance_days", "early_days"):
        if (getattr(target, name) or 0) < 0:
            yield name, f"expected days, 0 or more, got {getattr(target, name):g}"
    if target.sees == "early_outcomes" and not target.early_days:
        yield "early_days", "a target that sees early outcomes must say up to which age they are early"
    earliest_days = (target.age_days or 0) - target.tolerance_days
    if target.sees == "early_outcomes" and target.age_days is None:
        yield "age_days", "a target that sees early outcomes must say at which later age it is measured"
    elif target.sees == "early_outcomes" and target.early_days >= earliest_days:
        yield (
            "early_days",
            f"expected less than the {earliest_days:g} days from which it is measured: it would see itself",
        )


def _mistakes_of_measure(target: TargetDefined, measure: Measure) -> Iterator[tuple[str, str]]:
    if (measure.formula in MULTILABEL) != (target.kind == "multilabel"):
        fit = sorted(f for f in get_args(Formula) if (f in MULTILABEL) == (target.kind == "multilabel"))
        yield "formula", f"{measure.formula} does not make a {target.kind}; expected one of {', '.join(fit)}"
    if (measure.formula == "score") != bool(measure.score):
        yield "score", 'formula = "score" and only that needs the name of a score, as in score = "virality"'
    if measure.half <= 0:
        yield "half", f"expected more than 0, got {measure.half:g}"
    if measure.low is not None and measure.high is not None and measure.low >= measure.high:
        yield "low", f"expected less than high ({measure.high:g}), got {measure.low:g}"


def _mistakes_of_classes(target: TargetDefined) -> Iterator[tuple[str, str]]:
    wants = any(measure.formula == "labels" for measure in target.measures)
    if wants and not target.classes:
        yield "classes", "labels need at least one [[classes]] with a name and a definition"
    if target.classes and not wants:
        yield "classes", 'classes are for formula = "labels"; leave them out, or change the measure'
    for index, one in enumerate(target.classes):
        if not one.definition.strip():
            yield f"classes[{index}].definition", "say in whole words what belongs to the class: labellers rely on it"
    for name in ("minimum_examples", "maximum_classes"):
        if getattr(target, name) < 0:
            yield name, f"expected 0 or more, got {getattr(target, name)}"
    yield from _twice("classes", [word for one in target.classes for word in {one.name, *one.aliases}])


def _twice(table: str, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        yield table, f"{name!r} stands there twice"


def _toml(value: object) -> str:
    """JSON's texts, numbers, truths and lists are TOML as well, but for one sign that TOML wants escaped."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
