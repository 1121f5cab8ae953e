"""Artifact queries of resolver tasks: the filters that TFX compiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import Artifact

_PLACEHOLDER = re.compile(
    r"\{\{\$\.inputs\.artifacts\['(?P<input>[^']+)'\]\.metadata\['(?P<key>[^']+)'\]\}\}"
)
_CONDITION = re.compile(
    r'schema_title="(?P<title>[^"]*)"'
    r"|state=(?P<state>\w+)"
    r'|name="(?P<name>.*)"'
    r"|metadata\.(?P<number_key>\w+)\.number_value=(?P<number>\S+)"
    r'|metadata\.(?P<string_key>\w+)\.string_value="(?P<string>[^"]*)"'
)

Test = Callable[[Artifact], bool]


class ArtifactQuery:
    """
    A filter on artifacts, whose values may refer to the task's input artifacts.

    :param text: conditions joined by ``AND``.
    :raises google.api_core.exceptions.MethodNotImplemented: a condition that localcloud cannot test.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._conditions = [_condition(part, text) for part in text.split(" AND ")]

    def test(self, inputs: Mapping[str, Artifact]) -> Test | None:
        """
        Return the predicate for these inputs, or None when it refers to an input that was not found.

        :param inputs: the task's input artifacts by key.
        """
        tests = []
        for condition in self._conditions:
            name = condition["name"]
            if name is not None:
                found = _PLACEHOLDER.fullmatch(name)
                if found and found["input"] not in inputs:
                    return None
                if found:
                    name = str(dict(inputs[found["input"]].metadata).get(found["key"], ""))
            tests.append(_test(condition, name))
        return lambda artifact: all(test(artifact) for test in tests)


def _condition(part: str, text: str) -> re.Match[str]:
    found = _CONDITION.fullmatch(part.strip())
    if not found or ("{{$" in part and not _PLACEHOLDER.fullmatch(found["name"] or "")):
        raise exceptions.MethodNotImplemented(
            f"localcloud does not serve the artifact query {text!r}: it cannot test {part.strip()!r}."
        )
    return found


def _test(condition: re.Match[str], name: str | None) -> Test:
    if name is not None:
        return lambda artifact: artifact.name == name
    if condition["title"] is not None:
        return lambda artifact: artifact.schema_title == condition["title"]
    if condition["state"] is not None:
        return lambda artifact: artifact.state.name == condition["state"]
    if condition["number_key"] is not None:
        key, number = condition["number_key"], float(condition["number"])
        return lambda artifact: dict(artifact.metadata).get(key) == number
    key, string = condition["string_key"], condition["string"]
    return lambda artifact: dict(artifact.metadata).get(key) == string
