"""
The fault switch: which faults happen to which methods, for how many calls.

Faults lie in the state folder, in a file that exists only while there are any, so that a call costs one look
for it. They outlive a restart; a call is counted before its fault happens, so that a crash is not repeated.
"""

from __future__ import annotations

import asyncio
import fcntl
import fnmatch
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from localcloud.errors import ApiError, DroppedError

# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
CODES = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
# reasons that BigQuery's client retries
_REASONS = {
    "INTERNAL": "internalError",
    "RESOURCE_EXHAUSTED": "rateLimitExceeded",
    "UNAVAILABLE": "backendError",
}
MOMENTS = ("before", "after")
# EX_SOFTWARE of sysexits.h
CRASH_EXIT_CODE = 70
_FILE = "faults.json"
_LOCK = "faults.lock"
_METHODS = "methods"
_OWNER_ALONE = 0o600
_SERVED = "served_methods"

H = TypeVar("H", bound=Callable[..., Awaitable[web.StreamResponse]])


class FaultError(Exception):
    """A fault is invalid; the message says why in one line."""


@dataclass(frozen=True)
class Fault:
    """
    What happens to the next calls of a method.

    :param method: ``Service.Method``, or ``bigquery.tables.get``, or ``storage.objects.get``; a pattern with
        ``*`` stands for several.
    :param calls: how many calls are left that it happens to.
    :param code: name of the ``google.rpc.Code`` that is answered; the call is not carried out.
    :param message: of the error, in place of localcloud's own.
    :param latency: seconds that the call waits first.
    :param drop: the call is carried out, and its connection ends instead of an answer.
    :param crash: localcloud dies ``before`` the call is carried out, or ``after`` it and before the answer.
    :raises FaultError: nothing would go wrong, too much would, or a value is none that there is.
    """

    method: str
    calls: int = 1
    code: str = ""
    message: str = ""
    latency: float = 0.0
    drop: bool = False
    crash: str = ""

    def __post_init__(self) -> None:
        if self.calls < 1:
            raise FaultError(f"a fault needs at least one call, not {self.calls}")
        if self.latency < 0:
            raise FaultError(f"latency must not be negative: {self.latency:g}")
        if self.code and self.code not in CODES:
            raise FaultError(f"{self.code} is not a google.rpc.Code; the codes are {', '.join(CODES)}")
        if self.crash and self.crash not in MOMENTS:
            raise FaultError(f"a crash comes before or after the call, not {self.crash}")
        if self.message and not self.code:
            raise FaultError("a message goes with a code")
        ends = sum(map(bool, (self.code, self.drop, self.crash)))
        if ends > 1 or not (ends or self.latency):
            raise FaultError("a fault has a code, a drop or a crash, or else a latency")

    @property
    def leaves_no_answer(self) -> bool:
        """Return whether the call is carried out but its response is lost."""
        return self.drop or self.crash == "after"

    @contextmanager
    def around(self) -> Iterator[None]:
        """
        Apply the fault to the call that is carried out inside, after the latency.

        :raises ApiError: the answer is its code.
        :raises DroppedError: the connection must end without an answer.
        """
        if self.crash == "before":
            _crash()
        if self.code:
            message = self.message or f"localcloud's fault injection fails {self.method} with {self.code}"
            reason = _REASONS.get(self.code, self.code.lower())
            raise ApiError(CODES[self.code], self.code, message, reason)
        try:
            yield
        finally:
            if self.crash:
                _crash()
            if self.drop:
                raise DroppedError(f"localcloud's fault injection drops {self.method}")

    def __str__(self) -> str:
        what = [self.code, "drop" * self.drop, self.crash and f"crash {self.crash}"]
        what.append(f"latency {self.latency:g} s" if self.latency else "")
        return f"{self.method}: {', '.join(filter(None, what))}; calls left: {self.calls}"


class Faults:
    """
    The faults of one localcloud; safe to use from any thread and process.

    :param state: its state folder.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._path = state / _FILE

    def add(self, fault: Fault) -> None:
        """
        Add a fault from the next call on; of several faults for a call, the oldest applies.

        :param fault: what.
        :raises FaultError: localcloud serves no such method.
        """
        methods = self._state / _METHODS
        if methods.exists() and not fnmatch.filter(methods.read_text().split(), fault.method):
            raise FaultError(f"localcloud serves no method {fault.method}; those served are in {methods}")
        with self._locked():
            self._write([*self.pending(), fault])

    def pending(self) -> list[Fault]:
        """Return the faults that are left, the oldest first."""
        try:
            return [Fault(**fault) for fault in json.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []

    def clear(self) -> None:
        """Remove all faults."""
        with self._locked():
            self._write([])

    def publish(self, methods: Iterable[str]) -> None:
        """
        Record what is served, so that a misspelt method is rejected.

        :param methods: names of methods.
        """
        self._state.mkdir(parents=True, exist_ok=True)
        (self._state / _METHODS).write_text("\n".join(sorted(set(methods))) + "\n")

    def take(self, method: str) -> Fault | None:
        """
        Return the fault of a call that has arrived, and count the call.

        :param method: its name.
        """
        if not self._path.exists():
            return None
        with self._locked():
            faults = self.pending()
            for index, fault in enumerate(faults):
                if fnmatch.fnmatchcase(method, fault.method):
                    left = [replace(fault, calls=fault.calls - 1)] if fault.calls > 1 else []
                    self._write([*faults[:index], *left, *faults[index + 1 :]])
                    return fault
        return None

    def middleware(self) -> Middleware:
        """Create the middleware that applies faults to an HTTP application's requests; see :func:`serves`."""

        @web.middleware
        async def middleware(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            fault = self.take(method_of(request))
            if fault is None:
                return await handler(request)
            await asyncio.sleep(fault.latency)
            with fault.around():
                if request.method == "GET" and fault.leaves_no_answer:
                    # a read changes nothing, and a download would already have begun
                    return web.Response()
                return await handler(request)

        return middleware

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._state / _LOCK, os.O_RDWR | os.O_CREAT, _OWNER_ALONE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, faults: list[Fault]) -> None:
        if not faults:
            self._path.unlink(missing_ok=True)
            return
        part = self._path.with_suffix(".part")
        part.touch(_OWNER_ALONE)
        part.write_text(json.dumps([asdict(fault) for fault in faults]))
        part.rename(self._path)


def serves(method: str = "", **by_verb: str) -> Callable[[H], H]:
    """
    Declare which method of its API an HTTP handler serves.

    :param method: name of the method, whatever the verb of the request.
    :param by_verb: or the names by verb.
    """

    def decorate(handler: H) -> H:
        setattr(handler, _SERVED, by_verb or {"*": method})
        return handler

    return decorate


def method_of(request: web.Request) -> str:
    """
    Return the method that a request calls; empty where the handler does not say.

    :param request: its handler says so by :func:`serves`.
    """
    served = getattr(request.match_info.handler, _SERVED, {})
    return str(served.get(request.method, served.get("*", "")))


def methods_of(app: web.Application) -> set[str]:
    """
    Return the methods that an HTTP application serves.

    :param app: its handlers say so by :func:`serves`.
    """
    served = [getattr(route.handler, _SERVED, {}) for route in app.router.routes()]
    return {name for names in served for name in names.values()}


def _crash() -> NoReturn:
    os._exit(CRASH_EXIT_CODE)
