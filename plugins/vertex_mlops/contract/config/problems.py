"""Describe what is wrong with settings, in one line that names each key and what it must be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_MOST_PROBLEMS = 5
_MOST_SHOWN = 80
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,60}")
# what an error of this type of pydantic's says: https://docs.pydantic.dev/latest/errors/validation_errors/
_EXPECTED = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a mapping",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "model_type": "must be a mapping",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "too_short": "must not be empty",
    "value_error": "{error}",
}


def one_line(error: ValidationError, model: Any, *above: str) -> str:
    """
    Describe the first problems, and count the others.

    :param error: of the validation.
    :param model: the type that was validated.
    :param above: keys that lead to it, in the file.
    """
    found = error.errors()
    described = [_describe(problem, model, above) for problem in found[:_MOST_PROBLEMS]]
    more = len(found) - _MOST_PROBLEMS
    return "; ".join([*described, *([f"{more} more"] if more > 0 else [])])


def unknown(name: str, known: Iterable[str]) -> str:
    """
    Return the message for an unknown name: with the most similar known one, or else with all of them.

    :param name: the name.
    :param known: what it may be.
    """
    names = list(known)
    near = nearest(name, names)
    return f"did you mean {near}?" if near else f"known: {', '.join(names)}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """
    Return the most similar known name, whatever its case; None if none is similar.

    :param name: the name.
    :param known: what it may be.
    """
    # only an error needs it
    from difflib import get_close_matches

    names = {known_name.lower(): known_name for known_name in known}
    near = get_close_matches(str(name).lower(), names, n=1)
    return names[near[0]] if near else None


def shown(value: Any) -> str:
    """
    Return a value for a message: one short line of ASCII, so that look-alikes are visible.

    :param value: from a YAML file, a TOML file or a variable.
    """
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return shown_text(ascii(value))


def shown_text(text: str) -> str:
    """
    Return text as it is shown in a message, without quotes.

    :param text: one line.
    """
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def shown_key(name: Any) -> str:
    """
    Return a key as it is shown in a message.

    :param name: a key of a mapping or a place in a list.
    """
    text = str(name)
    return text if _PLAIN_KEY.fullmatch(text) else shown(text)


def _describe(problem: Any, model: Any, above: Sequence[str]) -> str:
    location = [part for part in problem["loc"] if part != "[key]"]
    key = ".".join(map(shown_key, [*above, *location])) or "the file"
    if problem["type"] == "missing":
        return f"{key}: missing"
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown key; {unknown(location[-1], _known_keys(model, location[:-1]))}"
    expected = _EXPECTED.get(problem["type"])
    message = expected.format(**_bounds(problem)) if expected else problem["msg"]
    return f"{key}: {message}, not {shown(problem['input'])}"


def _bounds(problem: Any) -> dict[str, Any]:
    # 1 in place of 1.0
    return {
        name: int(bound) if isinstance(bound, float) and bound.is_integer() else bound
        for name, bound in problem.get("ctx", {}).items()
    }


def _known_keys(model: Any, location: Sequence[Any]) -> list[str]:
    annotation: Any = model
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[part].annotation
        else:
            annotation = get_args(annotation)[-1]
    return [field.alias or name for name, field in annotation.model_fields.items()]
