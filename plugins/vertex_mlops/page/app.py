"""The page as a FastAPI app that Airflow's API server mounts; it only reads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.utils.session import create_session
from cachetools import TTLCache
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from vertex_mlops.page.readings import Readings
    from vertex_mlops.page.report import BrokenReport, ModelReport
    from vertex_mlops.page.sources import RetrainedModel

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
STATIC = frozenset(path.name for path in (HERE / "static").iterdir())
# what the page shows of a DAG
SHOWN = (DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)
# the page loads nothing from other sites, and only Airflow may frame it
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# several users, or reloads, share one call to Google
_FRESH_SECONDS = 15
_readings: TTLCache[str, Readings] = TTLCache(maxsize=100, ttl=_FRESH_SECONDS)
_lock = Lock()


def create_app() -> FastAPI:
    """Return the app; every route requires the permission to read DAG runs, task instances and XComs."""
    app = FastAPI(
        title="Models in service",
        openapi_url=None,
        # a mounted app has no authentication of its own
        dependencies=[Depends(requires_access_dag("GET", entity)) for entity in SHOWN],
    )
    app.get("/", response_class=HTMLResponse)(show_models)
    app.get("/static/{name}")(send_file)
    return app


# not async: it waits for the database and for Google, which would block all of Airflow's API
def show_models(user: GetUserDep) -> Response:
    """
    Show the models whose DAGs the user may read.

    :param user: the signed-in user.
    """
    from vertex_mlops.page.sources import read_models

    readable = get_auth_manager().get_authorized_dag_ids(user=user)
    with create_session() as session:
        models = read_models(session, readable)
    readings = read_cached(models)
    reports = [report_on(model, readings[model.dag_id]) for model in models]
    return HTMLResponse(render(reports), headers=HEADERS)


def report_on(model: RetrainedModel, readings: Readings) -> ModelReport | BrokenReport:
    """
    Combine what Google and Airflow say about a model; an error affects no other model.

    :param model: its location.
    :param readings: what BigQuery and Vertex AI say.
    :return: the report.
    """
    from vertex_mlops.page.report import make_report
    from vertex_mlops.page.sources import read_events, read_runs

    try:
        with create_session() as session:
            runs, signals = read_runs(session, model), read_events(session, model)
        return make_report(model, readings, runs, signals)
    except Exception as error:
        return _broken(model, error)


def render(reports: Sequence[ModelReport | BrokenReport]) -> str:
    """
    Render the page; the answers of services are escaped.

    :param reports: reports of the models.
    :return: HTML.
    """
    loader = FileSystemLoader(HERE / "templates")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    sections = [_render_section(environment, report) for report in reports]
    return environment.get_template("page.html").render(sections=sections, now=datetime.now(UTC))


def _render_section(environment: Environment, report: ModelReport | BrokenReport) -> str:
    from vertex_mlops.page.report import ModelReport

    if isinstance(report, ModelReport):
        try:
            return environment.get_template("section.html").render(report=report)
        except Exception as error:
            report = _broken(report.model, error)
    return environment.get_template("broken.html").render(report=report)


def _broken(model: RetrainedModel, error: Exception) -> BrokenReport:
    from vertex_mlops.page.reader import one_line
    from vertex_mlops.page.report import BrokenReport

    log.warning("The page Models cannot show %s", model.dag_id, exc_info=error)
    # its text would contain the statement and the rows
    told = type(error).__name__ if isinstance(error, SQLAlchemyError) else one_line(error)
    return BrokenReport(model, told)


def read_cached(models: Sequence[RetrainedModel]) -> dict[str, Readings]:
    """
    Read models from Google, unless they were read some seconds ago.

    :param models: the models to read.
    """
    from vertex_mlops.page.reader import read_everything

    with _lock:
        missing = [model for model in models if model.dag_id not in _readings]
        found = {model.dag_id: _readings[model.dag_id] for model in models if model not in missing}
    for model, readings in zip(missing, read_everything(missing), strict=True):
        found[model.dag_id] = readings
        with _lock:
            _readings[model.dag_id] = readings
    return found


def send_file(name: Annotated[str, PathParameter()]) -> Response:
    """
    Send the style sheet or the script.

    :param name: name of the file.
    :return: the file.
    """
    if name not in STATIC:
        raise HTTPException(404)
    return FileResponse(HERE / "static" / name, headers={"X-Content-Type-Options": "nosniff"})
