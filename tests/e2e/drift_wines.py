"""Wines with pipelines that end at once, to test what starts a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from google.cloud import bigquery, storage

from dev.demo.drift import NEVER
from dev.demo.wine_data import bigquery_client
from dev.stack.settings import StackSettings
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.monitoring.drifting import Drifting, watch
from tests.plugins.operators.served_models import open_endpoint, register_models
from tests.plugins.runs.pipelines import pipeline, producer
from tests.support.published import upload_spec

# each has its own settings under `drift`
WINES: dict[str, dict[str, Any]] = {
    # new data starts a training, drift alone does not
    "grey": {"retrain_on_drift_without_new_data": False, "drift_cooldown_hours": 0},
    # drift alone starts a training
    "orange": {"retrain_on_drift_without_new_data": True, "drift_cooldown_hours": 0},
    # but not within the cooldown
    "rose": {"retrain_on_drift_without_new_data": True, "drift_cooldown_hours": 24},
}


def configure(content: dict[str, Any]) -> None:
    """Add the wines to the configuration; only tests run the drift check."""
    content["drift_schedule"] = NEVER
    for wine, drift in WINES.items():
        add_wine(content, wine, drift=drift)


def add_wine(content: dict[str, Any], wine: str, **settings: Any) -> None:
    """Add a wine with the settings of the white one, but for some, so that a module has one to itself."""
    content["wines"][wine] = content["wines"]["white"] | {"table": f"{wine}_wine"} | settings


def publish(settings: StackSettings, wine: str) -> None:
    """Upload a pipeline whose model is not better: the tasks after the training are not tested here."""
    spec = pipeline(producer("Evaluator", "blessing", "tfx.ModelBlessing", blessed=0.0))
    upload_spec(settings, wine, spec | {"dataContract": CONTRACT})


def add_row(settings: StackSettings, wine: str) -> None:
    """Add a row to the table, which is created if there is none."""
    client = bigquery_client(settings)
    client.create_dataset(settings.dataset, exists_ok=True)
    schema = [bigquery.SchemaField(name, column["type"]) for name, column in CONTRACT["columns"].items()]
    client.create_table(bigquery.Table(settings.table(wine), schema), exists_ok=True)
    columns = ", ".join(f"`{name}`" for name in CONTRACT["columns"])
    client.query(f"INSERT INTO `{settings.table(wine)}` ({columns}) VALUES (3.5, 13.8, 6)").result()


@contextmanager
def watched_wines(settings: StackSettings, folder: Path) -> Iterator[dict[str, Drifting]]:
    """Deploy and monitor each wine, as the rollout and the monitoring of its DAG do."""
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    models = register_models(settings.cloud, bucket, folder)
    place = {"project_id": settings.cloud.project, "region": settings.region}
    with ExitStack() as stack:
        watched = {}
        for wine in WINES:
            publish(settings, wine)
            add_row(settings, wine)
            endpoint = stack.enter_context(open_endpoint(place, models))
            labels = {"wine": wine, "table": f"{settings.dataset}-{wine}_wine"}
            watched[wine] = watch(settings.cloud, bucket, endpoint, labels)
        yield watched
