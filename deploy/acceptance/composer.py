"""Probes of the Composer environment."""

from __future__ import annotations

from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotAskedError, Probe, hold

_NOT_FOUND = 404
# below the URL of Airflow, as plugins/models_page.py says
PAGE = "models-in-service/"


def _environment(bench: Bench) -> Any:
    from google.cloud.orchestration.airflow.service_v1 import EnvironmentsClient

    if bench.project.composer is None:
        raise NotAskedError("there is no Composer environment")
    name = f"{bench.project.parent}/environments/{bench.project.composer}"
    return EnvironmentsClient().get_environment(name=name, timeout=REQUEST_SECONDS)


def _dags(bench: Bench) -> str:
    config = _environment(bench).config
    bucket, _, folder = config.dag_gcs_prefix.removeprefix("gs://").partition("/")
    wanted = [f"{folder}/wine_retraining.py", "plugins/models_page.py"]
    missing = [name for name in wanted if not bench.project.storage.bucket(bucket).blob(name).exists()]
    hold(not missing, f"gs://{bucket} does not hold {', '.join(missing)}")
    return f"gs://{bucket} holds the DAGs and the plugins"


def _models_page(bench: Bench) -> str:
    url = f"{_environment(bench).config.airflow_uri.rstrip('/')}/{PAGE}"
    # a way to a login would lead to a page, too
    response = bench.project.session.get(url, timeout=REQUEST_SECONDS, allow_redirects=False)
    hold(response.status_code != _NOT_FOUND, f"{url}: not found")
    if not response.ok or response.is_redirect:
        raise NotAskedError(f"{url}: status {response.status_code}")
    return f"{url} answers"


PROBES = (
    Probe("composer-bucket", "The environment's bucket has dags/ and plugins/ side by side", _dags),
    Probe("models-page", "Airflow's web server has loaded the plugin of the page Models", _models_page),
)
