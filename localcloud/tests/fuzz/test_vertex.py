"""Vertex AI and Cloud Monitoring accept any request, over gRPC or REST, or answer with a client error."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from google.protobuf import json_format
from tests.fuzz import odd, protos
from tests.fuzz.checks import check, check_call, search
from tests.fuzz.services import Services
from tests.fuzz.vertex_requests import BODIES, NAMES, PARENT, seed_vertex

from localcloud.vertex.api.discovery import Method, discover

# every method that clients know; those that are not served are rejected before they are parsed
METHODS = {method.name: method for method in discover().values()}
SERVED = (
    *(f"EndpointService.{verb}Endpoint" for verb in ("Create", "Get", "Update", "Delete")),
    *("EndpointService.ListEndpoints", "EndpointService.DeployModel", "EndpointService.UndeployModel"),
    "EndpointService.MutateDeployedModel",
    *(f"ModelService.{verb}Model" for verb in ("Upload", "Get", "Update", "Delete")),
    *("ModelService.ListModels", "ModelService.ListModelVersions", "ModelService.DeleteModelVersion"),
    "ModelService.MergeVersionAliases",
    *(f"PipelineService.{verb}PipelineJob" for verb in ("Create", "Get", "Cancel", "Delete")),
    "PipelineService.ListPipelineJobs",
    *(
        f"JobService.{verb}ModelDeploymentMonitoringJob"
        for verb in ("Create", "Get", "Update", "Delete", "Pause", "Resume")
    ),
    "JobService.ListModelDeploymentMonitoringJobs",
    *(f"JobService.{verb}BatchPredictionJob" for verb in ("Create", "Get", "Cancel", "Delete")),
    "JobService.ListBatchPredictionJobs",
    "JobService.SearchModelDeploymentMonitoringStatsAnomalies",
    *("PredictionService.Predict", "PredictionService.RawPredict"),
    *(f"Operations.{verb}Operation" for verb in ("Get", "Cancel", "Delete", "Wait")),
    "Operations.ListOperations",
    *("MetricService.ListTimeSeries", "MetricService.GetMetricDescriptor", "Projects.GetProject"),
)
PROJECTS_V1 = "/v1/projects/{project}"


@pytest.fixture(scope="session")
def vertex(services: Services) -> Services:
    """Return Vertex AI."""
    seed_vertex(services)
    return services


def test_every_method_is_in_the_table(services: Services) -> None:
    assert services.vertex.methods == set(SERVED)


def valid(random: Random, method: Method) -> Any:
    """Create a request that passes the first checks: its names are valid."""
    raw = method.request.pb()() if hasattr(method.request, "pb") else method.request()
    json_format.ParseDict(BODIES.get(method.name, {}), raw)
    put_names(random, method, raw)
    return raw


def put_names(random: Random, method: Method, message: Any) -> None:
    """Set the names in a request."""
    for path, patterns in method.name_patterns.items():
        *parents, leaf = path.split(".")
        owner = message
        for part in parents:
            owner = getattr(owner, part)
        setattr(owner, leaf, name(random, patterns))


def name(random: Random, patterns: tuple[re.Pattern[str], ...]) -> str:
    """Return a name that one of the patterns matches, usually of an existing resource."""
    if random.random() < 0.05:
        return random.choice([text for text in odd.TEXTS if text.isprintable()])
    known = [found for found in NAMES if any(p.fullmatch(found) for p in patterns)]
    if known and random.random() < 0.8:
        return random.choice(known)
    pattern = random.choice(patterns).pattern
    made = pattern.replace("[^/:]+", "1", 1).replace("projects/1", "projects/local-project")
    for part in ("[^/:]+", ".+"):
        made = made.replace(part, random.choice(("1", "é", "a b", "%", "a@b")))
    return made.replace("\\", "")


@pytest.mark.parametrize("title", SERVED)
def test_no_call_fails(title: str, vertex: Services) -> None:
    method = METHODS[title]
    seed_vertex(vertex)

    def ask(random: Random) -> None:
        message = valid(random, method)
        protos.disturb(random, message)
        if random.random() < 0.5:
            put_names(random, method, message)
        body = message.SerializeToString()
        if random.random() < 0.05:
            body = random.choice((b"\xff", body[:-1], body + b"\x0a", b"\x00"))
        check_call(vertex.call(method.path, body), message)

    search(ask)


@pytest.mark.parametrize("title", SERVED)
def test_no_request_fails(title: str, vertex: Services) -> None:
    method = METHODS[title]
    seed_vertex(vertex)

    def ask(random: Random) -> None:
        route = random.choice(method.routes)
        message = valid(random, method)
        protos.disturb(random, message)
        if random.random() < 0.8:
            put_names(random, method, message)
        fields = as_json(message)
        path = route.uri.pattern.replace("\\", "")
        for variable in route.variables:
            group = re.search(r"\((?:[^()]|\[[^]]*\])*\)", path)
            assert group
            value = fields
            for part in variable.split("."):
                value = value.get(part, "") if isinstance(value, dict) else ""
            path = path[: group.start()] + odd.path(str(value)) + path[group.end() :]
        names = [field.name for field in message.DESCRIPTOR.fields]
        path += odd.query(random, [*names, "$alt", "a.b"], {})
        body = fields if route.body == "*" else fields.get(route.body, {}) if route.body else None
        sent = odd.encoded(random, odd.mutated(random, body)) if body is not None else b""
        check(vertex.ask("vertex", route.verb, path, sent), route.verb, path, sent)

    search(ask)


def as_json(message: Any) -> dict[str, Any]:
    """Return a message as JSON, without what JSON cannot represent."""
    try:
        found: dict[str, Any] = json_format.MessageToDict(message, preserving_proto_field_name=True)
    except (ValueError, TypeError, json_format.Error):
        return {}
    return found


def test_no_other_path_fails(vertex: Services) -> None:
    paths = (
        "/v1/",
        "/v1/projects/x",
        "/v1/x:predict",
        f"/v1/{PARENT}/endpoints/1:x",
        "/v1beta1/x",
        "/%FF",
        "/",
    )

    def ask(random: Random) -> None:
        verb = random.choice(("GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"))
        path = random.choice((*paths, PROJECTS_V1.format(project=odd.segment(random, "local-project"))))
        body = odd.encoded(random, odd.value(random))
        check(vertex.ask("vertex", verb, path, body), verb, path, body)

    search(ask)
