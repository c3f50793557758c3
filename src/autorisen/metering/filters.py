"""Which events a meter counts: tests on the values of `data`, joined by and/or. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, Literal

import msgspec

from autorisen.kit.problems import FieldError

DEPTH_LIMIT = 8
SIZE_LIMIT = 100
TEXT_LIMIT = 256

_encode: Callable[[object], bytes] = msgspec.json.Encoder(decimal_format="number").encode
_decode: Callable[[str], object] = msgspec.json.Decoder(float_hook=Decimal).decode

Value = str | int | Decimal | bool
Operator = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "prefix", "exists"]
_OPERATORS: tuple[Operator, ...] = ("eq", "ne", "in", "gt", "gte", "lt", "lte", "prefix", "exists")
_RANGES: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

# Of `data`; and what it says of the event.
Matcher = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True)
class Test:
    """One rule on the value at `path`.

    A value that is absent (or null) equals nothing, so only `ne` and `exists = false` hold for it. Numbers compare
    with numbers, texts with texts by code point; `true` is not 1.
    """

    path: tuple[str, ...]
    operator: Operator
    operand: Value | tuple[Value, ...]


@dataclass(frozen=True)
class Group:
    """Several filters of which all (`and`) or at least one (`or`) must hold."""

    joined_by: Literal["and", "or"]
    parts: tuple[Filter, ...]


Filter = Test | Group


def path_of(text: object) -> tuple[str, ...]:
    """The keys that lead from `data` to a value: `usage.tokens`, or a JSON pointer (RFC 6901) like `/usage/tokens`.

    Empty when the text is no such path.
    """
    if not isinstance(text, str):
        return ()
    if text.startswith("/"):
        keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/")[1:])
    else:
        keys = tuple(text.split("."))
    # Lists have no names, so that a number would be read as a place by some and as a name by others.
    return keys if all(key and not key.isdigit() for key in keys) else ()


def path_text(path: tuple[str, ...]) -> str:
    """The path as `path_of` reads it: dotted where that says it, else a pointer."""
    if path and not any("." in key or key.startswith("/") for key in path):
        return ".".join(path)
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def value_at(data: Mapping[str, object], path: tuple[str, ...]) -> object:
    """The value that the keys lead to; None where one is absent."""
    value: object = data
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def matcher(given: Filter | None) -> Matcher | None:
    """The filter as a function; None when everything counts."""
    if given is None:
        return None
    if isinstance(given, Test):
        return _test(given)
    parts = [made for part in given.parts if (made := matcher(part)) is not None]
    if given.joined_by == "and":
        return lambda data: all(part(data) for part in parts)
    return lambda data: any(part(data) for part in parts)


def _test(test: Test) -> Matcher:
    path, operand = test.path, test.operand
    if test.operator == "exists":
        return lambda data: (value_at(data, path) is not None) is operand
    if test.operator == "ne":
        return lambda data: not _equal(value_at(data, path), operand)
    if test.operator == "eq":
        return lambda data: _equal(value_at(data, path), operand)
    if test.operator == "in":
        options = operand if isinstance(operand, tuple) else (operand,)
        return lambda data: any(_equal(value_at(data, path), option) for option in options)
    if test.operator == "prefix":
        prefix = str(operand)
        return lambda data: isinstance(value := value_at(data, path), str) and value.startswith(prefix)
    compare = _RANGES[test.operator]
    return lambda data: _kind(value := value_at(data, path)) == _kind(operand) and compare(value, operand)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _equal(value: object, operand: object) -> bool:
    return value is not None and _kind(value) == _kind(operand) and value == operand


def load_filter(raw: object, place: str, errors: list[FieldError]) -> Filter | None:
    """A filter from its table; what is wrong is added to `errors` by its place, and the answer is None.

    A table is `{and = [..]}`, `{or = [..]}`, or `path` with one or more operators, all of which must hold.
    """
    sizes: list[int] = []
    found = _load(raw, place, errors, 1, sizes)
    if len(sizes) > SIZE_LIMIT:
        errors.append(FieldError(place, f"must have at most {SIZE_LIMIT} tests"))
    return found


def _load(raw: object, place: str, errors: list[FieldError], depth: int, sizes: list[int]) -> Filter | None:
    sizes.append(1)
    if not isinstance(raw, dict) or depth > DEPTH_LIMIT:
        rule = "must be a table with and, or, or a path" if depth <= DEPTH_LIMIT else f"is over {DEPTH_LIMIT} deep"
        errors.append(FieldError(place, rule))
        return None
    for joined_by in ("and", "or"):
        if joined_by in raw:
            return _load_group(raw, "and" if joined_by == "and" else "or", place, errors, depth, sizes)
    return _load_tests(raw, place, errors)


def _load_group(
    raw: dict[str, object],
    joined_by: Literal["and", "or"],
    place: str,
    errors: list[FieldError],
    depth: int,
    sizes: list[int],
) -> Filter | None:
    listed = raw[joined_by]
    errors += [FieldError(f"{place}/{name}", f"can't stand beside {joined_by}") for name in raw if name != joined_by]
    if not isinstance(listed, list) or not listed or len(listed) > SIZE_LIMIT:
        errors.append(FieldError(f"{place}/{joined_by}", f"must be a list of 1 to {SIZE_LIMIT} filters"))
        return None
    parts = [_load(part, f"{place}/{joined_by}/{index}", errors, depth + 1, sizes) for index, part in enumerate(listed)]
    return Group(joined_by, tuple(part for part in parts if part is not None))


def _load_tests(raw: dict[str, object], place: str, errors: list[FieldError]) -> Filter | None:
    path = path_of(raw.get("path"))
    if not path:
        errors.append(FieldError(f"{place}/path", "must lead from data to a value, like model or usage.model"))
    operators = [name for name in _OPERATORS if name in raw]
    errors += [
        FieldError(f"{place}/{name}", f"is not known; known: path, {', '.join(_OPERATORS)}, and, or")
        for name in sorted(raw.keys() - {"path", *_OPERATORS})
    ]
    if not operators:
        errors.append(FieldError(place, f"needs one of {', '.join(_OPERATORS)}"))
    tests: list[Filter] = []
    for name in operators:
        operand = _operand(name, raw[name])
        if operand is None:
            errors.append(FieldError(f"{place}/{name}", _OPERAND_RULES.get(name, "must be a text, number or boolean")))
        else:
            tests.append(Test(path, name, operand))
    return tests[0] if len(tests) == 1 else Group("and", tuple(tests))


_OPERAND_RULES = {
    "in": "must be a list of 1 to 100 texts, numbers or booleans",
    "exists": "must be true or false",
    "prefix": "must be a text that is not empty",
} | dict.fromkeys(_RANGES, "must be a number or a text")


def _operand(name: Operator, raw: object) -> Value | tuple[Value, ...] | None:
    if name == "in":
        if not isinstance(raw, list) or not 0 < len(raw) <= SIZE_LIMIT:
            return None
        values = [_value(each) for each in raw]
        return tuple(each for each in values if each is not None) if None not in values else None
    value = _value(raw)
    allowed = {"exists": ("boolean",), "prefix": ("text",)} | dict.fromkeys(_RANGES, ("number", "text"))
    if name in allowed and _kind(value) not in allowed[name]:
        return None
    return None if name == "prefix" and value == "" else value


def _value(raw: object) -> Value | None:
    """A binary number of a TOML file is taken as the decimal that was written, which is its shortest form."""
    if isinstance(raw, str):
        return raw if len(raw) <= TEXT_LIMIT else None
    if isinstance(raw, int | Decimal | bool):
        return raw
    number = Decimal(repr(raw)) if isinstance(raw, Real) else None
    return number if number is not None and number.is_finite() else None


def dump_filter(given: Filter) -> dict[str, object]:
    """The filter as the table that `load_filter` reads."""
    if isinstance(given, Test):
        operand: object = list(given.operand) if isinstance(given.operand, tuple) else given.operand
        return {"path": path_text(given.path), given.operator: operand}
    return {given.joined_by: [dump_filter(part) for part in given.parts]}


def filter_text(given: Filter | None) -> str:
    """The filter as one line of JSON, empty for none: what is stored, shown and compared."""
    return "" if given is None else _encode(dump_filter(given)).decode()


def filter_of(text: str) -> Filter | None:
    """The filter of `filter_text`."""
    return load_filter(_decode(text), "", []) if text else None
