"""A probe and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.acceptance.bench import Bench

HELD = "confirmed"
DID_NOT_HOLD = "NOT CONFIRMED"
NOT_ASKED = "could not be tested"


class NotHeldError(Exception):
    """The behaviour was not confirmed; the message says what was seen instead."""


class NotAskedError(Exception):
    """Something that the probe needs is missing; the message says what."""


@dataclass(frozen=True)
class Probe:
    """
    A test of one behaviour, which does what the package does.

    :param name: by which docs/google-cloud.md names it.
    :param asks: the tested behaviour, as a statement.
    :param ask: tests it, and returns in a few words what it saw; an error of Google's means that the
        statement is not confirmed.
    """

    name: str
    asks: str
    ask: Callable[[Bench], str]


@dataclass(frozen=True)
class Outcome:
    """
    The outcome of a probe.

    :param name: of the probe.
    :param result: :data:`HELD`, :data:`DID_NOT_HOLD` or :data:`NOT_ASKED`.
    :param seen: what it saw, or why it could not test.
    """

    name: str
    result: str
    seen: str


def answer(probe: Probe, bench: Bench) -> Outcome:
    """
    Ask the question of the probe.

    :param probe: the probe.
    :param bench: the project, and the resources created in it so far.
    """
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    # they say nothing about the tested behaviour
    silent = (
        *(NotAskedError, GoogleAuthError, exceptions.RetryError, OSError),
        *(exceptions.Forbidden, exceptions.TooManyRequests, exceptions.ServerError),
    )
    try:
        return Outcome(probe.name, HELD, probe.ask(bench))
    except (NotHeldError, TimeoutError) as error:
        return Outcome(probe.name, DID_NOT_HOLD, _line(error))
    except silent as error:
        return Outcome(probe.name, NOT_ASKED, _line(error))
    except exceptions.GoogleAPICallError as error:
        return Outcome(probe.name, DID_NOT_HOLD, _line(error))
    # an answer without the structure that the package expects
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return Outcome(probe.name, DID_NOT_HOLD, f"{type(error).__name__}: {_line(error)}")


def hold(true: bool, otherwise: str) -> None:
    """
    Check a part of the statement.

    :param true: whether it holds.
    :param otherwise: what was seen instead.
    :raises NotHeldError: it does not.
    """
    if not true:
        raise NotHeldError(otherwise)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
