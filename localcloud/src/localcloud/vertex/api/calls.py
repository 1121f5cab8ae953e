"""A call of the API, over gRPC or REST: find the handler, check the names, run it."""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]
from google.api_core import exceptions

from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.gateway.faults import Faults
from localcloud.vertex.api.discovery import PACKAGE, Method, discover
from localcloud.vertex.resources import names
from localcloud.vertex.resources.values import check_values

log = logging.getLogger(__name__)

Handler = Callable[[Any], Any]


class Service(Protocol):
    """A service that handles a part of the API."""

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by ``Service.Method`` or full gRPC path."""


@dataclass(frozen=True)
class Reply:
    """
    A response that sets headers, which gRPC sends as initial metadata.

    :param message: response message.
    :param headers: names and values of the headers.
    """

    message: Any
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """
    Route calls to the handlers of the services.

    :param settings: knows the project that names are normalised to.
    :param services: that have the handlers; a method that none of them handles is rejected.
    :param faults: the fault switch.
    :raises ValueError: a service handles a method that the client library does not know.
    """

    def __init__(self, settings: Settings, services: Iterable[Service], faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self.methods = discover()
        self._handlers: dict[str, Handler] = {}
        for service in services:
            for key, handler in service.handlers().items():
                path = key if key.startswith("/") else f"/{PACKAGE}.{key.replace('.', '/')}"
                if path not in self.methods:
                    raise ValueError(f"{key} is not a method of {PACKAGE}")
                self._handlers[path] = handler

    def served(self) -> set[str]:
        """Return the names of the methods that have a handler."""
        return {self.methods[path].name for path in self._handlers}

    def call(self, method: Method, request: Any) -> Reply:
        """
        Handle one call.

        :param method: what is called.
        :param request: request message of the method's class.
        :raises google.api_core.exceptions.GoogleAPICallError: the error for the caller.
        :raises DroppedError: the caller's connection must end without an answer.
        """
        fault = self._faults.take(method.name)
        if fault is None:
            return self._answer(method, request)
        time.sleep(fault.latency)
        try:
            with fault.around():
                return self._answer(method, request)
        except ApiError as error:
            raise exceptions.from_grpc_status(grpc.StatusCode[error.status], error.message) from error

    def _answer(self, method: Method, request: Any) -> Reply:
        handler = self._handlers.get(method.path)
        if handler is None:
            raise unimplemented(method.title)
        self._check(method, request)
        try:
            answer = handler(request)
        except exceptions.GoogleAPICallError:
            raise
        except ApiError as error:
            raise exceptions.from_grpc_status(grpc.StatusCode[error.status], error.message) from error
        except Exception as error:
            log.exception("%s failed", method.title)
            raise exceptions.InternalServerError(
                f"localcloud failed on {method.title}: {type(error).__name__}: {error}"
            ) from error
        return answer if isinstance(answer, Reply) else Reply(answer)

    def _check(self, method: Method, request: Any) -> None:
        raw = type(request).pb(request) if hasattr(type(request), "pb") else request
        check_values(raw)
        for path, patterns in method.name_patterns.items():
            *parents, leaf = path.split(".")
            owner = raw
            for part in parents:
                owner = getattr(owner, part)
            name = getattr(owner, leaf)
            if not any(pattern.fullmatch(name) for pattern in patterns):
                raise exceptions.InvalidArgument(
                    f"Invalid resource name in {path} of {method.title}: {name!r}."
                )
            setattr(owner, leaf, names.canonical(name, self._settings))


def unimplemented(what: str) -> exceptions.MethodNotImplemented:
    """
    Create the error for what localcloud does not support.

    :param what: the method, the host or the feature, by its name.
    """
    return exceptions.MethodNotImplemented(f"localcloud does not serve {what}.")


def now() -> Any:
    """Return the time that resources are stamped with, as proto-plus takes it for a Timestamp."""
    return datetime.datetime.now(datetime.UTC)
