"""Resource names as Vertex writes them: ``projects/NUMBER/locations/REGION/COLLECTION/ID``."""

from __future__ import annotations

import re
import secrets

from google.api_core import exceptions

from localcloud.config import Settings

_LOCATION = re.compile(r"projects/[^/]+/locations/[^/]+")
_SMALLEST_ID = 10**18
_ID_LIMIT = 2**63


def canonical(name: str, settings: Settings) -> str:
    """
    Return a resource name with the project number in place of the project id.

    :param name: resource name, with the project's id or its number.
    :param settings: knows the one project that exists.
    :raises google.api_core.exceptions.InvalidArgument: the name does not start with ``projects/``.
    :raises google.api_core.exceptions.PermissionDenied: it belongs to another project.
    """
    collection, _, rest = name.partition("/")
    project, slash, tail = rest.partition("/")
    if collection != "projects" or not project:
        raise exceptions.InvalidArgument(
            f"Invalid resource name: {name!r} does not start with projects/PROJECT."
        )
    if project not in (settings.project, settings.project_number):
        raise exceptions.PermissionDenied(
            f"Permission denied on resource project {project}: the only project here is {settings.project}."
        )
    return f"projects/{settings.project_number}{slash}{tail}"


def new_id() -> str:
    """Create a numeric resource id as Vertex does: 19 digits that fit into a signed 64-bit integer."""
    return str(_SMALLEST_ID + secrets.randbelow(_ID_LIMIT - _SMALLEST_ID))


def location_of(name: str) -> str:
    """Return the ``projects/NUMBER/locations/REGION`` that a resource name starts with."""
    found = _LOCATION.match(name)
    if not found:
        raise exceptions.InvalidArgument(f"Invalid resource name: {name!r} names no location.")
    return found.group()


def id_of(name: str) -> str:
    """Return the last segment of a resource name."""
    return name.rsplit("/", 1)[1]
