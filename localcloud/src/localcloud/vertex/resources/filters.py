"""List filters of the Vertex API: the part of https://google.aip.dev/160 that its list methods document."""

from __future__ import annotations

import datetime
import fnmatch
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from google.api_core import exceptions

Predicate = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<op><=|>=|!=|=|<|>|:)|(?P<paren>[()])|(?P<dot>\.)|(?P<word>(?:[^\s"'()=!<>:.]|!(?!=))+))""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Queryable:
    """
    What one list method lets its caller filter and order by.

    :param message: type of the listed resources, proto-plus or protobuf.
    :param filterable: field names in snake_case, dotted for nested ones, as the method documents them.
    :param orderable: field names that ``order_by`` takes.
    :param computed: filterable names that are no field of the message, with what reads them.
    :param wildcards: names of texts that ``:`` may compare, with ``*`` for any characters.
    """

    message: Any
    filterable: tuple[str, ...]
    orderable: tuple[str, ...] = ()
    computed: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    wildcards: tuple[str, ...] = ()

    @property
    def descriptor(self) -> Any:
        """Return the descriptor of the message."""
        return (self.message.pb() if hasattr(self.message, "pb") else self.message).DESCRIPTOR


class _Token(NamedTuple):
    kind: str
    text: str


def compile_filter(text: str, queryable: Queryable) -> Predicate:
    """
    Compile a filter to a predicate on the listed messages.

    :param text: filter as the caller sent it; empty means everything.
    :param queryable: what the list method supports.
    :raises google.api_core.exceptions.InvalidArgument: bad syntax, or a field, an operator or a value that
        the method does not know.
    """
    if not text.strip():
        return lambda item: True
    return _Parser(text, queryable).parse()


def read(item: Any, path: str) -> Any:
    """Read a dotted snake_case path of a proto-plus message."""
    for part in path.split("."):
        item = getattr(item, part)
    return item


class _Parser:
    def __init__(self, text: str, queryable: Queryable) -> None:
        self._text = text
        self._queryable = queryable
        self._tokens = self._split(text)

    def parse(self) -> Predicate:
        predicate = self._all_of()
        if self._tokens:
            self._refuse(f"unexpected {self._tokens[0].text!r}")
        return predicate

    def _refuse(self, why: str) -> NoReturn:
        raise exceptions.InvalidArgument(f"Invalid filter {self._text!r}: {why}.")

    def _split(self, text: str) -> list[_Token]:
        tokens, position = [], 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if not found or not found.lastgroup:
                self._refuse(f"cannot read {text[position:]!r}")
            tokens.append(_Token(found.lastgroup, found.group(found.lastgroup)))
            position = found.end()
        return tokens

    def _next_is(self, word: str) -> bool:
        return bool(self._tokens) and self._tokens[0].kind != "quoted" and self._tokens[0].text == word

    def _take(self, *kinds: str) -> str:
        if not self._tokens or self._tokens[0].kind not in kinds:
            found = repr(self._tokens[0].text) if self._tokens else "the end"
            self._refuse(f"expected {' or '.join(kinds)}, found {found}")
        token = self._tokens.pop(0)
        return re.sub(r"\\(.)", r"\1", token.text[1:-1]) if token.kind == "quoted" else token.text

    def _all_of(self) -> Predicate:
        parts = [self._any_of()]
        while self._next_is("AND"):
            self._tokens.pop(0)
            parts.append(self._any_of())
        return lambda item: all(part(item) for part in parts)

    def _any_of(self) -> Predicate:
        # in AIP-160, OR binds tighter than AND
        parts = [self._term()]
        while self._next_is("OR"):
            self._tokens.pop(0)
            parts.append(self._term())
        return lambda item: any(part(item) for part in parts)

    def _term(self) -> Predicate:
        if self._next_is("NOT"):
            self._tokens.pop(0)
            inner = self._term()
            return lambda item: not inner(item)
        if self._next_is("("):
            self._tokens.pop(0)
            inner = self._all_of()
            if not self._next_is(")"):
                self._refuse("a parenthesis is not closed")
            self._tokens.pop(0)
            return inner
        return self._restriction()

    def _restriction(self) -> Predicate:
        path = [self._take("word", "quoted")]
        while self._next_is("."):
            self._tokens.pop(0)
            path.append(self._take("word", "quoted"))
        return self._build(path, self._take("op"), self._value())

    def _value(self) -> str:
        value = self._take("word", "quoted")
        # an unquoted number or time holds dots and colons
        while self._tokens and self._tokens[0].text in (".", ":") and len(self._tokens) > 1:
            value += self._tokens.pop(0).text + self._take("word", "quoted")
        return value

    def _build(self, path: list[str], comparator: str, value: str) -> Predicate:
        names = [_snake(part) for part in path]
        name = ".".join(names)
        if name in self._queryable.computed:
            return self._text_test(self._queryable.computed[name], name, comparator, value)
        if name in self._queryable.filterable:
            return self._field_test(name, comparator, value)
        if len(path) > 1 and names[0] in self._queryable.filterable and self._is_map(names[0]):
            # a label's key is the caller's own word: it keeps its case
            return self._entry_test(names[0], ".".join(path[1:]), comparator, value)
        known = sorted({*self._queryable.filterable, *self._queryable.computed})
        self._refuse(f"field {'.'.join(path)!r} is not supported; supported fields are {', '.join(known)}")

    def _descriptor(self, name: str) -> Any:
        message, found = self._queryable.descriptor, None
        for part in name.split("."):
            found = message.fields_by_name[part]
            message = found.message_type
        return found

    def _is_map(self, name: str) -> bool:
        kind = self._descriptor(name).message_type
        return bool(kind and kind.GetOptions().map_entry)

    def _field_test(self, name: str, comparator: str, value: str) -> Predicate:
        descriptor = self._descriptor(name)
        if self._is_map(name):
            if comparator != ":":
                self._refuse(f"{name} takes {name}.key=value, {name}.key:* or {name}:key")
            return lambda item: value in read(item, name)
        if descriptor.enum_type:
            return self._enum_test(name, descriptor.enum_type, comparator, value)
        if descriptor.message_type and descriptor.message_type.full_name == "google.protobuf.Timestamp":
            return self._time_test(name, comparator, value)
        if descriptor.type == descriptor.TYPE_BOOL:
            return self._bool_test(name, comparator, value)
        return self._text_test(lambda item: str(read(item, name)), name, comparator, value)

    def _entry_test(self, name: str, key: str, comparator: str, value: str) -> Predicate:
        if comparator == ":" and value == "*":
            return lambda item: key in read(item, name)
        if comparator not in ("=", "!=", ":"):
            self._refuse(f"{name}.{key} does not support {comparator}")
        if comparator == "!=":
            return lambda item: read(item, name).get(key) != value
        return lambda item: read(item, name).get(key) == value

    def _text_test(self, reader: Callable[[Any], str], name: str, comparator: str, value: str) -> Predicate:
        known = ("=", "!=", ":") if name in self._queryable.wildcards else ("=", "!=")
        if comparator not in known:
            self._refuse(f"{name} does not support {comparator}")
        if comparator == ":":
            # the star is the only wildcard
            pattern = "*".join(re.sub(r"([\[?])", r"[\1]", part) for part in value.split("*"))
            return lambda item: fnmatch.fnmatchcase(reader(item), pattern)
        compare = _COMPARE[comparator]
        return lambda item: compare(reader(item), value)

    def _bool_test(self, name: str, comparator: str, value: str) -> Predicate:
        if comparator not in ("=", "!="):
            self._refuse(f"{name} does not support {comparator}")
        if value not in ("true", "false"):
            self._refuse(f"{value!r} is neither true nor false")
        compare = _COMPARE[comparator]
        return lambda item: compare(read(item, name), value == "true")

    def _enum_test(self, name: str, kind: Any, comparator: str, value: str) -> Predicate:
        if comparator not in ("=", "!="):
            self._refuse(f"{name} does not support {comparator}")
        if value not in kind.values_by_name:
            self._refuse(f"{value!r} is not a {kind.name}")
        number, compare = kind.values_by_name[value].number, _COMPARE[comparator]
        return lambda item: compare(int(read(item, name)), number)

    def _time_test(self, name: str, comparator: str, value: str) -> Predicate:
        if comparator not in _COMPARE:
            self._refuse(f"{name} does not support {comparator}")
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            self._refuse(f"{value!r} is not an RFC 3339 time")
        if moment.tzinfo is None:
            self._refuse(f"{value!r} names no time zone")
        compare = _COMPARE[comparator]

        def test(item: Any) -> bool:
            found = read(item, name)
            return found is not None and compare(found, moment)

        return test


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
