"""JSON of requests, read as strictly as Google's servers read it."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from localcloud.errors import ApiError

# lone surrogates, and numbers that a double cannot hold
_SUSPECT = re.compile(r"\\u[dD][89a-fA-F]|[eE]\+?[0-9]{3}|[0-9]{300}")


def read_json(body: bytes) -> Any:
    """
    Read a JSON text.

    :param body: the text in UTF-8.
    :raises ApiError: 400 for what RFC 8259 does not allow (https://www.rfc-editor.org/rfc/rfc8259), such as
        NaN, for numbers and depths that no parser takes, and for text that is not Unicode.
    """
    try:
        text = body.decode()
        value = json.loads(text, parse_constant=_refuse)
        if _SUSPECT.search(text):
            # these could not be serialized again
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        message = f"Invalid JSON payload received. The body is not JSON: {' '.join(str(error).split())}"
        raise ApiError(400, "INVALID_ARGUMENT", message, "parseError") from error
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """
    Read a body that is a JSON object, or empty for one without fields.

    :param body: the text in UTF-8.
    :raises ApiError: 400 when it is anything else.
    """
    value = read_json(body) if body.strip() else {}
    if not isinstance(value, dict):
        message = "Invalid JSON payload received. The body is not an object."
        raise ApiError(400, "INVALID_ARGUMENT", message, "parseError")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
