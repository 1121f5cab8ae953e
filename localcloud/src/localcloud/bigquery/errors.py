"""BigQuery's own wording and reasons for what can go wrong."""

from __future__ import annotations

from localcloud.errors import ApiError

# Source: https://cloud.google.com/bigquery/docs/error-messages
_CODES = {
    "accessDenied": (403, "PERMISSION_DENIED"),
    "conditionNotMet": (412, "FAILED_PRECONDITION"),
    "duplicate": (409, "ALREADY_EXISTS"),
    "internalError": (500, "INTERNAL"),
    "invalid": (400, "INVALID_ARGUMENT"),
    "invalidQuery": (400, "INVALID_ARGUMENT"),
    "notFound": (404, "NOT_FOUND"),
    "notImplemented": (501, "UNIMPLEMENTED"),
    "required": (400, "INVALID_ARGUMENT"),
    "resourceInUse": (400, "FAILED_PRECONDITION"),
    # a job beyond its jobTimeoutMs, as seen in https://github.com/dbt-labs/dbt-adapters/pull/1974
    "stopped": (499, "CANCELLED"),
}


def failure(reason: str, message: str) -> ApiError:
    """
    Create the error that BigQuery returns for a reason.

    :param reason: the word from BigQuery's error table, such as ``invalidQuery``.
    :param message: one line for a person.
    """
    code, status = _CODES[reason]
    return ApiError(code, status, message, reason)


def not_found(kind: str, name: str, location: str | None = None) -> ApiError:
    """
    Create the 404 error for a resource.

    :param kind: ``Dataset``, ``Table`` or ``Job``.
    :param name: the resource as BigQuery writes it, such as ``project:dataset.table``.
    :param location: where it was looked for, if a job looked for it.
    """
    where = f" was not found in location {location}" if location else ""
    return failure("notFound", f"Not found: {kind} {name}{where}")


def already_exists(kind: str, name: str) -> ApiError:
    """Create the 409 error for a resource that exists; parameters as in :func:`not_found`."""
    return failure("duplicate", f"Already Exists: {kind} {name}")


def unsupported(what: str) -> ApiError:
    """
    Create the error for a feature of BigQuery that localcloud does not support.

    :param what: the feature, by the name its user knows.
    """
    return failure("notImplemented", f"localcloud's BigQuery does not support {what}")
