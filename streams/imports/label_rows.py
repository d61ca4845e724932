"""What one row of a table of labels says: one class a row, a list of classes, or a column for each class."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

import msgspec

from schemas.errors import UsageError
from schemas.event import WHOLE_VIDEO, derive_id
from schemas.labels import Judgement, LabelGiven
from schemas.targets import TargetDefined
from streams.imports import cells
from streams.imports.cells import BadCell
from streams.imports.columns import COLUMNS, LABEL_COLUMNS, Names, normal
from streams.imports.rows import STAGE, VERSION, TableRow

CLASS = "class."
"""A column that maps to ``class.NAME`` holds yes or no for that class."""

NOTHING = frozenset({"none", "none_of_the_above", "other"})
"""In a list of classes: nothing more applies."""

KNOWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{name: aliases for name, aliases in COLUMNS.items() if name != "observed"},
    "url": (*COLUMNS["url"], "data"),
    **LABEL_COLUMNS,
}

_VALUES: Mapping[str, Judgement] = {
    **dict.fromkeys(("yes", "y", "true", "1"), "yes"),
    **dict.fromkeys(("no", "n", "false", "0"), "no"),
    **dict.fromkeys(("skip", "unsure", "?"), "skip"),
}
_LONGEST_NAME_CHARACTERS = 100
_LARGEST_SEGMENT = 10**6


class Classes:
    """The classes of a target by every name that tables may use."""

    def __init__(self, target: TargetDefined) -> None:
        self.target = target
        self._by_name = {normal(word): one.name for one in target.classes for word in (one.name, *one.aliases)}

    def find(self, name: str) -> str:
        """Translate a table's word into a class.

        Raises
        ------
        BadCell
            The target has no such class.
        """
        found = self._by_name.get(normal(name))
        if found is None:
            known = ", ".join(one.name for one in self.target.classes)
            raise BadCell(f"{self.target.name} has no class {name[:60]!r}; it has {known}")
        return found

    def columns(self, headings: Iterable[str]) -> Names:
        """The headings that are classes, as ``class.NAME``."""
        return {f"{CLASS}{self._by_name[normal(h)]}": (h,) for h in headings if normal(h) in self._by_name}


def check_columns(names: Names, classes: Classes) -> None:
    """See that a table has labels at all.

    Raises
    ------
    UsageError
        It has not; says what would do.
    """
    if not ({"labels", "label"} & names.keys() or any(name.startswith(CLASS) for name in names)):
        known = ", ".join(one.name for one in classes.target.classes)
        raise UsageError(
            "no column holds labels; expected `labels` (a list), `label` with `value`, or one column a class "
            f"({known}); say which with --map labels=COLUMN or --map class.NAME=COLUMN"
        )


def labels_of(row: TableRow, names: Names, classes: Classes) -> list[LabelGiven]:
    """Read a row's labels.

    Raises
    ------
    BadCell
        A class or a value that is none; or no label at all.
    """
    judged = dict(_judged(row, names, classes))
    if not judged:
        raise BadCell("has no label")
    video_id, scope = row.video_id, _scope(row)
    by = "".join(c if c.isprintable() and c != "/" else " " for c in row.text("by"))[:_LONGEST_NAME_CHARACTERS]
    given_s = cells.read(cells.moment, row.cell("given"), "given")
    made = (
        LabelGiven(
            event_id="",
            video_id=video_id,
            target=classes.target.name,
            scope=scope,
            label=label,
            value=value,
            by=by,
            given_at_s=given_s,
        )
        for label, value in judged.items()
    )
    return [_named(label) for label in made]


def _judged(row: TableRow, names: Names, classes: Classes) -> Iterator[tuple[str, Judgement]]:
    if "labels" in names:
        if cells.is_missing(row.cell("labels")):
            return
        listed = {classes.find(word) for word in cells.words_list(row.cell("labels")) if normal(word) not in NOTHING}
        yield from ((one.name, "yes" if one.name in listed else "no") for one in classes.target.classes)
        return
    if "label" in names:
        yield classes.find(row.text("label")), _value(row.cell("value"), "value") or "yes"
    for name in names:
        if name.startswith(CLASS) and (value := _value(row.cell(name), name)):
            yield name.removeprefix(CLASS), value


def _value(cell: object, column: str) -> Judgement | None:
    word = cells.text(cell).lower()
    if word and word not in _VALUES:
        raise BadCell(f"{column}: expected {', '.join(get_args(Judgement))}, 1 or 0, got {word[:60]!r}")
    return _VALUES.get(word)


def _scope(row: TableRow) -> str:
    word = row.text("scope")
    if word in ("", WHOLE_VIDEO):
        return WHOLE_VIDEO
    if not word.isdecimal() or int(word) >= _LARGEST_SEGMENT:
        raise BadCell(f"scope: expected the index of a segment or {WHOLE_VIDEO}, got {word[:60]!r}")
    return str(int(word))


def _named(label: LabelGiven) -> LabelGiven:
    content = hashlib.sha256(msgspec.json.encode(label)).hexdigest()
    return msgspec.structs.replace(label, event_id=derive_id(STAGE, VERSION, content))
