"""The gRPC methods and REST routes of what is served, read off the transports of Google's client library."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.cloud import monitoring_v3
from google.cloud.resourcemanager_v3.types import projects
from google.longrunning import operations_pb2  # type: ignore[import-untyped]

SERVICES = (
    "pipeline_service",
    "job_service",
    "endpoint_service",
    "model_service",
    "prediction_service",
    "metadata_service",
    "dataset_service",
)
PACKAGE = "google.cloud.aiplatform.v1"
OPERATIONS = "/google.longrunning.Operations/"
GET_PROJECT = "/google.cloud.resourcemanager.v3.Projects/GetProject"
LIST_TIME_SERIES = "/google.monitoring.v3.MetricService/ListTimeSeries"
GET_METRIC_DESCRIPTOR = "/google.monitoring.v3.MetricService/GetMetricDescriptor"

_VARIABLE = re.compile(r"\{([a-z_.]+)=([^}]*)\}")
# methods of other services, whose client libraries have no REST transport to read routes off; source of
# those of Cloud Monitoring: google/monitoring/v3/metric_service.proto
_OTHERS = {
    GET_PROJECT: (projects.GetProjectRequest, "/v3/{name=projects/*}"),
    LIST_TIME_SERIES: (monitoring_v3.ListTimeSeriesRequest, "/v3/{name=projects/*}/timeSeries"),
    GET_METRIC_DESCRIPTOR: (
        monitoring_v3.GetMetricDescriptorRequest,
        "/v3/{name=projects/*/metricDescriptors/**}",
    ),
}


@dataclass(frozen=True)
class Route:
    """
    One REST form of a method.

    :param verb: HTTP method.
    :param uri: pattern of the whole path; its groups are numbered like ``variables``.
    :param variables: request fields, dotted, that the path holds.
    :param body: request field that the HTTP body fills, ``*`` for the whole request, empty for none.
    """

    verb: str
    uri: re.Pattern[str]
    variables: tuple[str, ...]
    body: str


@dataclass(frozen=True)
class Method:
    """
    One unary method of the API.

    :param path: full gRPC path, ``/package.Service/Method``.
    :param request: class of the request message, proto-plus or protobuf.
    :param routes: its REST forms.
    :param name_patterns: for each request field that holds a resource name, the patterns that it may match.
    """

    path: str
    request: Any
    routes: tuple[Route, ...]
    name_patterns: dict[str, tuple[re.Pattern[str], ...]]

    @property
    def name(self) -> str:
        """Return ``Service.Method``."""
        return self.path.rpartition(".")[2].replace("/", ".")

    @property
    def title(self) -> str:
        """Return ``Service.Method`` with its package, as error messages name it."""
        return self.path[1:].replace("/", ".")


def _never_called(*args: Any, **kwargs: Any) -> None:
    """Raise an error, in place of the method that a transport gets from its channel."""


class _Recorder(grpc.Channel):
    """A channel that records the methods of a transport and never connects."""

    def __init__(self) -> None:
        self.requests: dict[str, Callable[..., bytes]] = {}

    def unary_unary(self, method: str, request_serializer: Any = None, *args: Any, **kwargs: Any) -> Any:
        self.requests[method] = request_serializer
        return _never_called

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _never_called

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _never_called

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _never_called

    def subscribe(self, *args: Any, **kwargs: Any) -> None:
        """Ignore: it has no connectivity."""

    def unsubscribe(self, *args: Any, **kwargs: Any) -> None:
        """Ignore: it has no connectivity."""

    def close(self) -> None:
        """Ignore: nothing is open."""

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *args: Any) -> None:
        """Ignore: nothing is open."""


def discover() -> dict[str, Method]:
    """Return every unary method of the services above, by its gRPC path."""
    methods = {}
    for service in SERVICES:
        transports = f"google.cloud.aiplatform_v1.services.{service}.transports"
        title = service.title().replace("_", "")
        options = dict(_http_options(transports, title))
        for path, serializer in _recorded(transports, title).items():
            # the mixed-in services of locations and access policies are not served
            if path.startswith((f"/{PACKAGE}.", OPERATIONS)):
                name = path.rpartition("/")[2]
                methods[path] = _method(path, _request_class(path, serializer), options.get(name, []))
    for path, (request, uri) in _OTHERS.items():
        methods[path] = _method(path, request, [{"method": "get", "uri": uri}])
    return methods


def _recorded(transports: str, title: str) -> dict[str, Callable[..., bytes]]:
    transport_class = getattr(importlib.import_module(f"{transports}.grpc"), f"{title}GrpcTransport")
    recorder = _Recorder()
    transport = transport_class(channel=recorder)
    # the transport wraps its channel in a logging interceptor, which asks lazily and has begun to
    transport._logged_channel = recorder
    transport._stubs.clear()
    for name, member in vars(transport_class).items():
        if isinstance(member, property) and name not in ("operations_client", "grpc_channel"):
            getattr(transport, name)
    return recorder.requests


def _http_options(transports: str, title: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    base = getattr(importlib.import_module(f"{transports}.rest_base"), f"_Base{title}RestTransport")
    for name, member in vars(base).items():
        if hasattr(member, "_get_http_options"):
            yield name.removeprefix("_Base"), member._get_http_options()


def _request_class(path: str, serializer: Any) -> Any:
    if path.startswith(OPERATIONS):
        return getattr(operations_pb2, f"{path.removeprefix(OPERATIONS)}Request")
    # a bound proto-plus classmethod knows its class; a plain protobuf method is a descriptor of its class
    return getattr(serializer, "__self__", None) or serializer.__objclass__


def _method(path: str, request: Any, options: list[dict[str, str]]) -> Method:
    routes = []
    patterns: dict[str, list[re.Pattern[str]]] = {}
    for option in options:
        variables = _VARIABLE.findall(option["uri"])
        for field, template in variables:
            patterns.setdefault(field, []).append(re.compile(_expression(template)))
        uri = re.compile("".join(_uri_parts(option["uri"])))
        fields = tuple(field for field, _ in variables)
        routes.append(Route(option["method"].upper(), uri, fields, option.get("body", "")))
    return Method(path, request, tuple(routes), {field: tuple(found) for field, found in patterns.items()})


def _uri_parts(uri: str) -> Iterator[str]:
    position = 0
    for found in _VARIABLE.finditer(uri):
        yield re.escape(uri[position : found.start()])
        yield f"({_expression(found.group(2))})"
        position = found.end()
    yield re.escape(uri[position:])


def _expression(template: str) -> str:
    # a custom verb (":predict") follows the last segment, so a segment holds no colon
    return re.escape(template).replace(r"\*\*", ".+").replace(r"\*", "[^/:]+")
