"""Read a YAML file of settings, strictly: what a plain loader silently changes or drops is an error."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from vertex_mlops.contract.config.problems import shown, shown_key, shown_text

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
# a date and a lone = have tags of their own
_TEXT = {f"{_TAG}{name}" for name in ("str", "timestamp", "value")}
_CONTAINERS = {f"{_TAG}map", f"{_TAG}seq"}
# YAML 1.1 also has 0x10, 010 (which is 8), 1_000 and 1:30 (which is 90)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
# Python refuses to convert integers of more digits
_MOST_DIGITS = 1000


class SettingsFileError(ValueError):
    """The file is not a mapping of settings in YAML; the message is one line that says where."""


def read_settings(path: Path) -> dict[str, Any]:
    """
    Read a file of settings. Anchors, aliases and merge keys work; what an alias names is read once.

    :param path: the file, in UTF-8.
    :return: its mapping; all keys are text, and all numbers were written in decimal digits.
    :raises SettingsFileError: it cannot be read, is not YAML, has no mapping at the top, a key twice, a key
        that is not text, a number in another base, or a tag.
    """
    text = _text_of(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = None if node is None else _Reader().read(node, "")
    except yaml.YAMLError as error:
        raise SettingsFileError(f"is not YAML: {_syntax_problem(error, text)}") from None
    except RecursionError:
        raise SettingsFileError("is nested too deeply") from None
    if content is None:
        raise SettingsFileError("is empty")
    if not isinstance(content, dict):
        raise SettingsFileError(f"must be a mapping, not {shown(content)}")
    return content


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsFileError(f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsFileError(
            f"is not UTF-8: line {line}: byte 0x{error.object[error.start]:02x}"
        ) from None


def _syntax_problem(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, ReaderError):
        # a control character
        return (
            f"line {text.count(chr(10), 0, error.position) + 1}: character U+{ord(text[error.position]):04X}"
        )
    mark = getattr(error, "problem_mark", None)
    problem = shown_text(" ".join(str(getattr(error, "problem", error)).removeprefix("but ").split()))
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


class _Reader:
    """Converts the nodes of one file, and knows those that were converted before."""

    def __init__(self) -> None:
        self._read: dict[yaml.Node, Any] = {}
        # an alias to one of them would contain itself
        self._unfinished: set[yaml.Node] = set()

    def read(self, node: yaml.Node, key: str) -> Any:
        """
        Convert a node.

        :param node: as composed.
        :param key: of the node, with those above it.
        """
        if node in self._unfinished:
            raise _problem(node, key, "an alias must not name what contains it")
        if node not in self._read:
            self._unfinished.add(node)
            self._read[node] = self._convert(node, key)
            self._unfinished.discard(node)
        return self._read[node]

    def _convert(self, node: yaml.Node, key: str) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, key)
        if node.tag not in _CONTAINERS:
            raise _problem(node, key, f"the tag {node.tag.replace(_TAG, '!!')} is not supported")
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, _below(key, str(place))) for place, item in enumerate(node.value)]
        return self._mapping(node, key)

    def _mapping(self, node: yaml.Node, key: str) -> dict[str, Any]:
        own: dict[str, Any] = {}
        lines: dict[str, int] = {}
        inherited: dict[str, Any] = {}
        for name_node, value in node.value:
            merges = name_node.tag == _MERGE
            if not merges and name_node.tag != f"{_TAG}str":
                text = (
                    shown(name_node.value)
                    if isinstance(name_node, yaml.ScalarNode)
                    else "a list or a mapping"
                )
                raise _problem(name_node, key, f"a key must be text, not {text}; put it in quotes")
            name, line = name_node.value, name_node.start_mark.line + 1
            if name in lines:
                where = f"lines {lines[name]} and {line}" if lines[name] != line else f"line {line}"
                raise SettingsFileError(f"{_below(key, shown_key(name))}: is a duplicate key, in {where}")
            lines[name] = line
            if merges:
                inherited = self._merged(value, key)
            else:
                own[name] = self.read(value, _below(key, shown_key(name)))
        return {**inherited, **own}

    def _merged(self, node: yaml.Node, key: str) -> dict[str, Any]:
        """Return what a merge key adds; of several mappings the first one that has a key."""
        content = self.read(node, _below(key, "<<"))
        merged: dict[str, Any] = {}
        for mapping in reversed(content if isinstance(content, list) else [content]):
            if not isinstance(mapping, dict):
                raise _problem(node, _below(key, "<<"), f"must be a mapping to merge, not {shown(mapping)}")
            merged |= mapping
        return merged


def _scalar(node: yaml.ScalarNode, key: str) -> Any:
    text: str = node.value
    if node.tag in _TEXT:
        return text
    if node.tag == f"{_TAG}null" and text.lower() in ("", "~", "null"):
        return None
    if node.tag == f"{_TAG}bool" and text.lower() in yaml.SafeLoader.bool_values:
        return yaml.SafeLoader.bool_values[text.lower()]
    if node.tag == f"{_TAG}int" and _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    if node.tag == f"{_TAG}float" and (_FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text)):
        return float(text.replace(".", "", 1) if _NOT_FINITE.fullmatch(text) else text)
    if node.tag in (f"{_TAG}int", f"{_TAG}float"):
        raise _problem(node, key, f"a number must be written in decimal digits, not {shown(text)}")
    if node.tag in (f"{_TAG}null", f"{_TAG}bool"):
        raise _problem(node, key, f"is tagged {node.tag.replace(_TAG, '!!')}, but is {shown(text)}")
    raise _problem(node, key, f"the tag {node.tag.replace(_TAG, '!!')} is not supported")


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _problem(node: yaml.Node, key: str, problem: str) -> SettingsFileError:
    where = f"line {node.start_mark.line + 1}"
    return SettingsFileError(f"{key}: {problem} ({where})" if key else f"{problem} ({where})")
