"""
Write docs/coverage.md: which methods of Google's APIs are served, and which are refused by name.

Run ``python -m tools.coverage`` in the folder of pyproject.toml. What is served is what a running localcloud
says; what there is comes from Google's client libraries.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import tempfile
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from aiohttp import web

from localcloud.config import Settings
from localcloud.gateway import oauth
from localcloud.testing import Cloud, free_port
from localcloud.vertex.projects import ProjectsService

PAGE = Path(__file__).resolve().parents[1] / "docs" / "coverage.md"
HEAD = """# Coverage

<!-- written by `python -m tools.coverage` -->

A method that is not served returns UNIMPLEMENTED (gRPC) or 501 (REST) with its name. For the methods that are
served, [reference.md](reference.md#limits-of-each-service) lists what they reject.

| API | method | |
|---|---|---|
"""
# API: package of its gRPC services
GRPC = {
    "Vertex AI v1": "google.cloud.aiplatform_v1",
    "BigQuery Storage v1": "google.cloud.bigquery_storage_v1",
    "Cloud Monitoring v3": "google.cloud.monitoring_v3",
    "Resource Manager v3": "google.cloud.resourcemanager_v3",
}
# API: its discovery document
REST = {"BigQuery v2": "bigquery.v2", "Cloud Storage v1": "storage.v1"}
OPERATIONS = ("CancelOperation", "DeleteOperation", "GetOperation", "ListOperations", "WaitOperation")
# members of a transport that are no methods of its service: mixins, and what they need
MIXED_IN = {
    *("grpc_channel", "kind", "operations_client", "get_location", "list_locations"),
    *("get_iam_policy", "set_iam_policy", "test_iam_permissions"),
    *("cancel_operation", "delete_operation", "get_operation", "list_operations", "wait_operation"),
}
Row = tuple[str, str, bool]


def rows(settings: Settings) -> Iterator[Row]:
    """
    Yield API, method, and whether it is served.

    :param settings: of a localcloud that has run.
    """
    served = set((settings.state / "methods").read_text().split())
    for api, package in GRPC.items():
        for service, names in _services(package):
            methods = {f"{service}.{name}" for name in names}
            if methods & served:
                yield from ((api, method, method in served) for method in sorted(methods))
            else:
                yield api, f"{service}: all {len(methods)} methods", False
    yield from (
        ("Long-running operations", name, name in served)
        for name in (f"Operations.{method}" for method in OPERATIONS)
    )
    yield from _routes("Resource Manager v1", ProjectsService(settings).routes())
    for api, document in REST.items():
        prefix = f"{document.partition('.')[0]}."
        methods = set(_discovered(document)) | {name for name in served if name.startswith(prefix)}
        yield from ((api, method, method in served) for method in sorted(methods))
    yield from _routes("OAuth 2", oauth.create_app(settings).router.routes())


def _services(package: str) -> Iterator[tuple[str, list[str]]]:
    services = importlib.import_module(f"{package}.services")
    for found in sorted(module.name for module in pkgutil.iter_modules(services.__path__)):
        title = found.title().replace("_", "")
        transports = importlib.import_module(f"{package}.services.{found}.transports.grpc")
        transport = getattr(transports, f"{title}GrpcTransport")
        names = [name for name, member in vars(transport).items() if isinstance(member, property)]
        yield title, [name.title().replace("_", "") for name in names if name not in MIXED_IN]


def _discovered(document: str) -> Iterator[str]:
    folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    waiting = [json.loads((folder / f"{document}.json").read_text())]
    while waiting:
        part = waiting.pop()
        yield from (method["id"] for method in part.get("methods", {}).values())
        waiting.extend(part.get("resources", {}).values())


def _routes(api: str, routes: Iterable[web.AbstractRoute | web.RouteDef]) -> Iterator[Row]:
    for route in routes:
        path = route.path if isinstance(route, web.RouteDef) else getattr(route.resource, "canonical", "")
        if route.method != "HEAD":
            yield api, f"{route.method} {path.replace(':[^/:]+', '')}", True


def page(settings: Settings) -> str:
    """
    Return the whole page.

    :param settings: of a localcloud that has run.
    """
    lines = (
        f"| {api} | `{method}` | {'served' if is_served else 'refused'} |\n"
        for api, method, is_served in rows(settings)
    )
    return HEAD + "".join(lines)


def main() -> None:
    """Start a localcloud, ask it, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Settings(state=Path(folder) / "state", port=free_port()))
        with cloud.running():
            PAGE.write_text(page(cloud.settings))


if __name__ == "__main__":
    main()
