"""The whole stack as a person finds it after ``docker compose up``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dev.compose.stack import ONE_SHOT, ComposeStack
from dev.stack.airflow_api import AirflowApi, AirflowApiError
from localcloud.testing import eventually
from tests.dev.compose.compose_cloud import Cloud
from tests.support.dag_runs import DagRun
from tests.support.flow import ROLLED_OUT

pytestmark = pytest.mark.timeout(900)
DAG_ID = "wine_retraining_white"
EDIT_SECONDS = 120
VERTEX = "https://europe-west1-aiplatform.googleapis.com/v1"
OBJECT = "https://storage.googleapis.com/storage/v1/b/wine-local-mlops/o/{}?alt=media"
# compares every file of the wheels with the checksums that came in them
UNMODIFIED = """
import base64, hashlib, importlib.metadata, json
def differing(name):
    for file in importlib.metadata.files(name):
        if file.hash and hashlib.new(file.hash.mode, file.locate().read_bytes()).digest() != (
            base64.urlsafe_b64decode(file.hash.value + "=")
        ):
            yield str(file)
names = ("tfx", "tfx-bsl", "tensorflow-cpu", "tensorflow-data-validation", "ml-metadata")
print(json.dumps({n: [importlib.metadata.version(n), list(differing(n))] for n in names}))
"""


@pytest.fixture(scope="module")
def containers(stack: ComposeStack) -> dict[str, dict[str, Any]]:
    """Return what Docker says of each container."""
    return stack.containers()


@pytest.fixture(scope="module")
def run(airflow: AirflowApi) -> DagRun:
    """Trigger the DAG through the API and follow it to its end."""
    airflow.unpause(DAG_ID)
    run = DagRun(airflow, DAG_ID, airflow.trigger(DAG_ID))
    run.wait_for_end()
    return run


def test_a_run_triggered_through_the_api_trains_deploys_and_monitors(
    airflow: AirflowApi, run: DagRun
) -> None:
    assert run.state == "success"
    assert run.states == ROLLED_OUT


def test_the_endpoint_answers_through_the_published_port(run: DagRun, cloud: Cloud) -> None:
    named = cloud.call("GET", OBJECT.format("specs%2Fwine-white.json"))["spec"]
    name = named.removeprefix("gs://wine-local-mlops/")
    contract = cloud.call("GET", OBJECT.format(quote(name, safe="")))["dataContract"]
    parent = "projects/wine-local/locations/europe-west1"
    (endpoint,) = cloud.call("GET", f"{VERTEX}/{parent}/endpoints")["endpoints"]

    body = {"instances": [contract["sample_instance"]], "signature_name": "serving_raw"}
    answer = cloud.call("POST", f"{VERTEX}/{endpoint['name']}:rawPredict", body)

    (prediction,) = answer["predictions"]
    assert set(prediction) == set(contract["outputs"])
    for name, limits in contract["outputs"].items():
        value = prediction[name][0] if isinstance(prediction[name], list) else prediction[name]
        assert math.isfinite(value)
        assert limits["min"] <= value <= limits["max"]
    print(prediction)


def test_an_edited_dag_shows_without_a_restart(stack: ComposeStack, airflow: AirflowApi) -> None:
    file = Path(stack.dags) / "wine_retraining.py"
    before = airflow.call("GET", f"/dags/{DAG_ID}")["description"]
    assert before in file.read_text().replace("{wine.name}", "white")

    file.write_text(file.read_text().replace("Retrain the", "Edited: retrain the"))

    after = eventually(
        lambda: airflow.call("GET", f"/dags/{DAG_ID}")["description"],
        lambda description: description != before,
        EDIT_SECONDS,
        every=1,
    )
    assert after.startswith("Edited: retrain the")


def test_a_wrong_password_is_refused(stack: ComposeStack) -> None:
    api = AirflowApi(f"http://127.0.0.1:{stack.airflow_port}")

    with pytest.raises(AirflowApiError, match="401"):
        api.log_in("admin", "admin")


def test_every_process_runs_as_a_user_that_cannot_become_another(
    stack: ComposeStack, containers: dict[str, dict[str, Any]]
) -> None:
    running = set(containers) - set(ONE_SHOT)
    assert running >= {"postgres", "localcloud", "api-server", "scheduler", "dag-processor", "triggerer"}
    for service in containers:
        assert containers[service]["Config"]["User"] not in ("", "0", "root"), service
        assert "no-new-privileges:true" in containers[service]["HostConfig"]["SecurityOpt"]
        assert containers[service]["HostConfig"]["CapDrop"] == ["ALL"]
    assert {service: stack.run("exec", "-T", service, "id", "-u").strip() for service in running} == {
        service: "10002" if service == "postgres" else "10001" for service in running
    }


def test_ports_are_published_on_loopback_alone(
    stack: ComposeStack, containers: dict[str, dict[str, Any]]
) -> None:
    published = [
        (binding["HostIp"], int(binding["HostPort"]))
        for container in containers.values()
        for bindings in container["NetworkSettings"]["Ports"].values()
        for binding in bindings or []
    ]

    assert sorted(published) == sorted([("127.0.0.1", stack.airflow_port), ("127.0.0.1", stack.cloud_port)])


def test_no_secret_is_in_a_log_or_an_image(
    stack: ComposeStack, containers: dict[str, dict[str, Any]]
) -> None:
    images = {container["Image"] for container in containers.values()}
    texts = [stack.run("logs", "--no-color")]
    texts += [
        stack.docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", item) for item in images
    ]
    texts += [stack.docker.run("image", "inspect", *images)]

    leaked = [name for name, value in stack.secrets.items() for text in texts if value in text]

    assert leaked == []


def test_the_authoritys_key_stays_with_localcloud(stack: ComposeStack) -> None:
    shared = stack.run("exec", "-T", "scheduler", "ls", "/var/lib/localcloud-clients").split()

    assert sorted(shared) == ["bundle.pem", "env.sh", "service-account.json"]
    written = stack.run(
        *("exec", "-T", "scheduler", "sh", "-c"), "touch /var/lib/localcloud-clients/x 2>&1 || echo refused"
    )
    assert "Read-only file system" in written


def test_pipeline_tasks_run_in_unmodified_wheels(stack: ComposeStack) -> None:
    found = json.loads(stack.run("exec", "-T", "localcloud", "/opt/venv/bin/python", "-c", UNMODIFIED))

    assert found["tfx"] == ["1.21.0", []]
    assert [name for name, (_, differing) in found.items() if differing] == []


def test_seeding_again_changes_nothing(stack: ComposeStack, cloud: Cloud) -> None:
    table = "https://bigquery.googleapis.com/bigquery/v2/projects/wine-local/datasets/wine_quality/tables/"
    listed = "https://storage.googleapis.com/storage/v1/b/wine-local-mlops/o?prefix=specs/wine-"

    def seeded() -> tuple[dict[str, str], set[tuple[str, str]]]:
        """Return the state of each table, and of each compiled pipeline; the pointers are written again."""
        tables = {
            wine: cloud.call("GET", f"{table}{wine}_wine")["lastModifiedTime"] for wine in ("red", "white")
        }
        files = {(file["name"], file["generation"]) for file in cloud.call("GET", listed)["items"]}
        return tables, {(name, generation) for name, generation in files if name.count("/") == 2}

    before = seeded()
    said = stack.run("run", "--rm", "-T", "seed")

    assert said.count("are already loaded") == 2
    assert said.count("new runs use gs://wine-local-mlops/specs/wine-") == 2
    assert len(before[1]) == 2
    assert seeded() == before
