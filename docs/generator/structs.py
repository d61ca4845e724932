"""What a struct's class, field types and docstring say, in words."""

import ast
import inspect
import json
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType

import msgspec
from msgspec import inspect as kinds

import schemas.event
import schemas.labels
import schemas.releases

PLAIN = {
    kinds.IntType: "integer",
    kinds.FloatType: "number",
    kinds.BoolType: "true or false",
    kinds.BytesType: "base64",
    kinds.NoneType: "null",
}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a struct, as a reader of its JSON sees it."""

    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class NamedText:
    """A text that must match a pattern, under the name the schemas give it."""

    name: str
    pattern: str
    meaning: str


def summary(struct: type) -> str:
    """The docstring up to its first section."""
    return inspect.cleandoc(struct.__doc__ or "").split("\n\nAttributes\n")[0].strip()


def fields(struct: type[msgspec.Struct]) -> list[Field]:
    """The fields in the order in which they are written."""
    meanings = field_meanings(struct)
    return [
        Field(name=f.encode_name, type=words(f.type), default=_default(f), meaning=meanings.get(f.name, ""))
        for f in _info(struct).fields
    ]


def parts(struct: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """The structs that lie inside this one, at any depth, each once."""
    found: dict[type[msgspec.Struct], None] = {}
    for field in _info(struct).fields:
        for inner in _structs_in(field.type):
            found |= dict.fromkeys([inner, *parts(inner)])
    return list(found)


def field_meanings(struct: type) -> dict[str, str]:
    """What the numpydoc ``Attributes`` of a class and its parents say about each field."""
    found: dict[str, str] = {}
    for parent in reversed(struct.__mro__):
        found |= _attributes(inspect.cleandoc(vars(parent).get("__doc__") or ""))
    return found


def _attributes(text: str) -> dict[str, str]:
    _, _, section = text.partition("\n\nAttributes\n----------\n")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            names = line.split(" : ")[0].split(", ")
        for name in names if line.startswith(" ") else ():
            found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found


def words(kind: kinds.Type) -> str:
    """A field's type in a reader's words."""
    match kind:
        case kinds.StrType(pattern=pattern):
            return _names_of_patterns().get(pattern or "", "text")
        case kinds.LiteralType(values=values):
            return " or ".join(f"`{v}`" for v in values)
        case kinds.UnionType(types=types):
            return " or ".join(words(t) for t in types)
        case kinds.StructType(cls=cls):
            return cls.__name__
    return PLAIN.get(type(kind)) or _container(kind)


def _container(kind: kinds.Type) -> str:
    match kind:
        case kinds.VarTupleType(item_type=item):
            return f"list of {words(item)}"
        case kinds.TupleType(item_types=items):
            return f"[{', '.join(words(i) for i in items)}]"
        case kinds.DictType(key_type=key, value_type=value):
            return f"map of {words(key)} to {words(value)}"
    raise TypeError(f"no words for {kind}; teach docs/generator/structs.py to describe it")


def named_texts() -> list[NamedText]:
    """Every pattern that the schemas give a name, with the words below it."""
    return [text for module in (schemas.event, schemas.labels, schemas.releases) for text in _named_in(module)]


def _named_in(module: ModuleType) -> list[NamedText]:
    meanings = _words_below(module)
    return [
        NamedText(name=name, pattern=meta.pattern, meaning=meanings.get(name, ""))
        for name, value in vars(module).items()
        for meta in getattr(value, "__metadata__", ())
        if isinstance(meta, msgspec.Meta) and meta.pattern
    ]


def _words_below(module: ModuleType) -> dict[str, str]:
    body = ast.parse(inspect.getsource(module)).body
    return {
        above.targets[0].id: below.value.value
        for above, below in pairwise(body)
        if isinstance(above, ast.Assign)
        and isinstance(above.targets[0], ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _names_of_patterns() -> dict[str, str]:
    # The first name wins where two patterns are alike.
    return {text.pattern: text.name for text in reversed(named_texts())}


def _structs_in(kind: kinds.Type) -> list[type[msgspec.Struct]]:
    match kind:
        case kinds.StructType(cls=cls):
            return [cls]
        case kinds.UnionType(types=inner) | kinds.TupleType(item_types=inner):
            return [struct for t in inner for struct in _structs_in(t)]
        case kinds.VarTupleType(item_type=item) | kinds.DictType(value_type=item):
            return _structs_in(item)
    return []


def _default(field: kinds.Field) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{json.dumps(msgspec.to_builtins(value))}`"


def _info(struct: type[msgspec.Struct]) -> kinds.StructType:
    info = kinds.type_info(struct)
    if not isinstance(info, kinds.StructType):
        raise TypeError(f"expected a struct, got {struct}")
    return info
