"""The page as Airflow's API server serves it: to whom, and whatever Google answers."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.cli.cli_parser import get_parser
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from google.cloud import bigquery
from sqlalchemy import select
from vertex_mlops.monitoring.drift_events import DriftEvent
from vertex_mlops.page import app as page_app
from vertex_mlops.page import reader
from vertex_mlops.page.readings import Reading, Service
from vertex_mlops.page.report import make_report
from vertex_mlops.page.sources import read_events, read_models, read_runs
from vertex_mlops.runs.pipeline_jobs import SUBMISSION_KEY

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.rollout.rollouts import serving
from tests.plugins.page.made_readings import MODEL, airflow_run, readings, training

PAGE = "/models-in-service/"
EVIL = "<script>alert('1')</script>"
Get = Callable[..., str]


def airflow(*arguments: str) -> None:
    """Run a command of Airflow's in this process, which has imported Airflow already."""
    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed)


@pytest.fixture(scope="module")
def wines(cloud: Cloud, place: dict[str, str], bucket: Any) -> Iterator[None]:
    """Create a table and a published pipeline for the white wines, and neither for the red ones."""
    client = bigquery.Client(project=cloud.settings.project)
    # tests of other modules load the wines into the same data set
    client.delete_dataset("wine_quality", delete_contents=True, not_found_ok=True)
    client.create_dataset("wine_quality")
    rows = [{"alcohol": 10.0 + number} for number in range(7)]
    client.load_table_from_json(rows, f"{cloud.settings.project}.wine_quality.white_wine").result()
    spec = {"pipelineSpec": {}, "dataContract": CONTRACT, "serving": serving("wine-white")}
    bucket.blob("specs/wine-white.json").upload_from_string(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINE_PROJECT", place["project_id"])
        patch.setenv("WINE_REGION", place["region"])
        patch.setenv("WINE_BUCKET", bucket.name)
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_urlsafe(64))
        # other modules run DAGs in the same database
        airflow("db", "reset", "--yes")
        airflow("dags", "reserialize")
        yield


@pytest.fixture(scope="module")
def api(wines: None) -> Iterator[TestClient]:
    """Return Airflow's API server with the plugin, and its own database."""
    with TestClient(create_app(), base_url="http://airflow.test") as client:
        yield client


@pytest.fixture
def cookie(api: TestClient) -> Callable[[str | None], dict[str, str]]:
    """Log somebody of a role in."""

    def log_in(role: str | None) -> dict[str, str]:
        user = SimpleAuthManagerUser(username="ada", role=role)
        return {"Cookie": f"_token={get_auth_manager().generate_jwt(user)}"}

    return log_in


@pytest.fixture
def get(api: TestClient, cookie: Callable[[str | None], dict[str, str]]) -> Get:
    """Open the page as a viewer, with what Google says now."""

    def open_page(*, fresh: bool = True) -> str:
        if fresh:
            page_app._readings.clear()
        answer = api.get(PAGE, headers=cookie("viewer"))
        assert answer.status_code == 200
        return answer.text

    return open_page


def section(html: str, name: str) -> str:
    """Return what the page says about one model."""
    (found,) = re.findall(rf'<section class="model" id="{name}".*?</section>', html, re.DOTALL)
    return found


def problems(html: str) -> list[str]:
    return re.findall(r'role="alert">(.*?)</p>', html)


@pytest.mark.parametrize(
    "path", ["", "static/page.css", "static/page.js", "static/nothing", "docs", "openapi.json"]
)
def test_who_has_not_logged_in_sees_nothing(api: TestClient, path: str) -> None:
    assert api.get(PAGE + path).status_code in (401, 404)
    assert api.get(PAGE + path, headers={"Cookie": "_token=forged"}).status_code in (401, 403, 404)


@pytest.mark.parametrize("path", ["", "static/page.css"])
def test_who_may_not_see_dags_sees_no_models(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]], path: str
) -> None:
    assert api.get(PAGE + path, headers=cookie(None)).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]], method: str
) -> None:
    assert api.request(method, PAGE, headers=cookie("admin")).status_code == 405


def test_the_menu_has_the_page(api: TestClient, cookie: Callable[[str | None], dict[str, str]]) -> None:
    plugins = api.get("/api/v2/plugins", headers=cookie("admin")).json()["plugins"]

    (view,) = [view for plugin in plugins for view in plugin["external_views"] if view["name"] == "Models"]
    assert (view["href"], view["url_route"], view["nav_top_level"]) == (
        PAGE.removeprefix("/"),
        "models",
        True,
    )


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script_of_its_text(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]]
) -> None:
    answer = api.get(PAGE, headers=cookie("viewer"))

    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="([^"]*)"', answer.text)
    assert loaded == ["static/page.css", "static/page.js"]
    assert all(api.get(PAGE + path, headers=cookie("viewer")).status_code == 200 for path in loaded)
    assert re.findall(r"<script[^>]*>(.+?)</script>", answer.text) == []
    assert not re.search(r'\s(?:style|on\w+)="', answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_before_the_first_training_it_says_so(get: Get) -> None:
    white = section(get(), "wine_retraining_white")

    for words in (
        "No model serves",
        "Never trained",
        "7 rows",
        "Not monitored",
        "No model has been uploaded yet",
    ):
        assert words in white
    assert problems(white) == []


def test_what_is_wrong_with_one_model_hides_no_other(get: Get) -> None:
    html = get()

    assert problems(section(html, "wine_retraining_white")) == []
    table, endpoint = problems(section(html, "wine_retraining_red"))
    assert table.startswith("The table cannot be read: NotFound: Not found: Table")
    assert endpoint.startswith(
        "The endpoint cannot be read: SpecError: gs://plugins/specs/wine-red.json: no such object"
    )


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("bigquery.tables.get", "The table cannot be read"),
        ("PipelineService.ListPipelineJobs", "The pipeline jobs cannot be read: PermissionDenied"),
        ("EndpointService.ListEndpoints", "The endpoint cannot be read: PermissionDenied"),
    ],
)
def test_a_call_that_fails_is_one_line_and_the_rest_still_shows(
    get: Get, faults: Faults, method: str, words: str
) -> None:
    # both models, and the jobs are listed for two sections
    faults.add(Fault(method, code="PERMISSION_DENIED", calls=4))

    white = section(get(), "wine_retraining_white")

    (problem,) = problems(white)
    assert problem.startswith(words)
    assert white.count('<div class="tile ') == 3


def test_a_call_without_an_answer_is_given_up(
    get: Get, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reader._CALL, "timeout", 0.5)
    faults.add(Fault("bigquery.tables.get", latency=5, calls=2))

    # on a busy machine the other calls may take as long
    problem, *_ = problems(section(get(), "wine_retraining_white"))

    assert problem.startswith("The table cannot be read")


def test_a_section_that_takes_too_long_is_given_up(
    get: Get, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_SECTION_SECONDS", 0.2)
    faults.add(Fault("PipelineService.ListPipelineJobs", latency=3, calls=4))

    assert "The pipeline jobs cannot be read: no answer within 0.2 s" in problems(get())


def test_google_is_asked_once_for_several_who_look(get: Get, faults: Faults) -> None:
    get()
    faults.add(Fault("bigquery.tables.get", code="PERMISSION_DENIED", calls=2))

    assert "7 rows" in section(get(fresh=False), "wine_retraining_white")


def test_a_model_is_shown_to_who_may_read_its_dag_alone(api: TestClient) -> None:
    with create_session() as session:
        every = read_models(session, {"wine_retraining_red", "wine_retraining_white", "wine_rollback_white"})
        one = read_models(session, {"wine_retraining_white", "wine_drift"})

    assert [(model.dag_id, model.rollback_dag_id) for model in every] == [
        ("wine_retraining_red", None),
        ("wine_retraining_white", "wine_rollback_white"),
    ]
    assert [(model.dag_id, model.rollback_dag_id) for model in one] == [("wine_retraining_white", None)]


def test_a_model_is_where_its_dag_says(api: TestClient, place: dict[str, str]) -> None:
    with create_session() as session:
        (model,) = read_models(session, {"wine_retraining_white"})

    assert {"project_id": model.project_id, "region": model.region} == place
    assert (model.dataset_id, model.table_id) == ("wine_quality", "white_wine")
    assert model.labels == {"wine": "white", "table": "wine_quality-white_wine"}
    assert model.template_path == "gs://plugins/specs/wine-white.json"


def test_runs_and_the_events_that_started_them_are_read_as_airflow_wrote_them(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]]
) -> None:
    # given a run with a failed task, which an event of the DAG's asset has started
    admin, runs = cookie("admin"), "/api/v2/dags/wine_retraining_white/dagRuns"
    run_id = api.post(runs, json={"logical_date": None}, headers=admin).json()["dag_run_id"]
    task = api.patch(f"{runs}/{run_id}/taskInstances/check_data", json={"new_state": "failed"}, headers=admin)
    assert task.status_code == 200
    (asset,) = api.get("/api/v2/assets?name_pattern=wine_drift_white", headers=admin).json()["assets"]
    event = {"asset_id": asset["id"], "extra": {"note": "stronger wines"}}
    event_id = api.post("/api/v2/assets/events", json=event, headers=admin).json()["id"]
    because = {"key": "skipped_because", "value": "the drift is too young"}
    xcoms = f"{runs}/{run_id}/taskInstances/check_freshness/xcomEntries"
    assert api.post(xcoms, json=because, headers=admin).status_code == 201
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.run_id == run_id))
        emitted = session.get(AssetEvent, event_id)
        emitted.created_dagruns.append(run)

    # when they are read
    with create_session() as session:
        (model,) = read_models(session, {"wine_retraining_white"})
        (read,), (signal,) = read_runs(session, model), read_events(session, model)

    # then both know what they belong to
    assert (read.dag_id, read.run_id, read.cause) == ("wine_retraining_white", run_id, "manual")
    assert read.failed_tasks == ["check_data"]
    assert read.skipped_because == "the drift is too young"
    assert not read.left_alone
    assert signal.extra["note"] == "stronger wines"
    assert signal.source is None
    assert signal.started == [("wine_retraining_white", run_id)]


def test_a_run_whose_task_was_marked_while_its_job_ran_is_known(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]]
) -> None:
    admin, runs = cookie("admin"), "/api/v2/dags/wine_retraining_white/dagRuns"
    run_id = api.post(runs, json={"logical_date": None}, headers=admin).json()["dag_run_id"]
    task = f"{runs}/{run_id}/taskInstances/train"

    def left_alone() -> bool:
        with create_session() as session:
            (model,) = read_models(session, {"wine_retraining_white"})
            return next(run.left_alone for run in read_runs(session, model) if run.run_id == run_id)

    submission = {"key": SUBMISSION_KEY, "value": 1764028800.0}
    assert api.post(f"{task}/xcomEntries", json=submission, headers=admin).status_code == 201
    assert not left_alone()
    assert api.patch(task, json={"new_state": "success"}, headers=admin).status_code == 200
    assert left_alone()
    result = {"key": "return_value", "value": {"name": "a job"}}
    assert api.post(f"{task}/xcomEntries", json=result, headers=admin).status_code == 201
    assert not left_alone()


def test_events_are_read_that_an_asset_had_under_another_uri(api: TestClient) -> None:
    with create_session() as session:
        before = AssetModel(name="wine_drift_white", uri="vertex-ai://wine-local/drift/white", group="asset")
        session.add(before)
        session.flush()
        session.add(AssetEvent(asset_id=before.id, extra={"note": "under the URI of before"}))

    with create_session() as session:
        (model,) = read_models(session, {"wine_retraining_white"})
        notes = [signal.extra.get("note") for signal in read_events(session, model)]

    assert "under the URI of before" in notes


def test_events_of_another_shape_are_a_note_and_break_nothing(
    api: TestClient, cookie: Callable[[str | None], dict[str, str]], get: Get
) -> None:
    admin = cookie("admin")
    (asset,) = api.get("/api/v2/assets?name_pattern=wine_drift_red", headers=admin).json()["assets"]
    keys = dict.fromkeys(DriftEvent.__annotations__)
    for extra in (keys, keys | {"window_end": "2099-01-01T00:00:00+00:00", "anomalies": [1]}, {"note": "hi"}):
        event = {"asset_id": asset["id"], "extra": extra}
        assert api.post("/api/v2/assets/events", json=event, headers=admin).status_code == 200

    html = get()

    red, white = (section(html, f"wine_retraining_{wine}") for wine in ("red", "white"))
    assert red.count("monitoring_job: ") == 3
    assert "Ignored asset events, which name no valid window" in red
    assert problems(white) == []


def test_a_model_that_cannot_be_shown_breaks_no_other(get: Get) -> None:
    # given a figure that is not a number
    get()
    odd = readings(trainings=Reading([training(metrics={"mad": "high"})]))
    page_app._readings["wine_retraining_red"] = odd

    html = get(fresh=False)

    assert problems(section(html, "wine_retraining_white")) == []
    (problem,) = problems(section(html, "wine_retraining_red"))
    assert problem.startswith("This model cannot be shown: ValueError: Unknown format code")


def test_a_section_that_cannot_be_rendered_breaks_no_other() -> None:
    sound = make_report(MODEL, readings(), [], [])
    odd = sound._replace(model=MODEL._replace(dag_id="odd"), window_end="yesterday")  # type: ignore[arg-type]

    html = page_app.render([odd, sound])

    assert problems(section(html, MODEL.dag_id)) == []
    assert problems(section(html, "odd"))[0].startswith("This model cannot be shown: ")


def test_nothing_that_a_service_answers_becomes_markup() -> None:
    run = airflow_run(run_id=EVIL)
    url = f'https://console/"{EVIL}'
    job = training(run, blessed=False, reason=EVIL, metrics={EVIL: 0.5}, url=url, card_url=url)
    of = readings(
        table=Reading(None, EVIL),
        trainings=Reading([job]),
        service=Reading(Service(EVIL, f'"{EVIL}', "", [])),
    )

    html = page_app.render([make_report(MODEL._replace(dag_id=EVIL), of, [run], [])])

    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(&#39;1&#39;)") > 5
