"""Probes of the Composer environment."""

from __future__ import annotations

from typing import Any

from deploy.acceptance.bench import REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotAskedError, Probe, hold

_NOT_FOUND = 404
_OVERRIDES = ("core-dagbag_import_timeout", "dag_processor-dag_file_processor_timeout")
# below the URL of Airflow, as plugins/vertex_mlops/page/plugin.py says
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
    hold(not missing, f"gs://{bucket} does not contain {', '.join(missing)}")
    return f"gs://{bucket} contains the DAGs and the plugins"


def _config(bench: Bench) -> str:
    config = _environment(bench).config
    found = dict(config.software_config.airflow_config_overrides)
    missing = [name for name in _OVERRIDES if name not in found]
    hold(not missing, f"not set: {', '.join(missing)}; the environment has {found}")
    cpu = config.workloads_config.worker.cpu
    hold(cpu >= 1, f"a worker has {cpu:g} vCPU: tasks import their DAG too slowly")
    return f"{config.software_config.image_version}: {found}, workers of {cpu:g} vCPU"


def _models_page(bench: Bench) -> str:
    url = f"{_environment(bench).config.airflow_uri.rstrip('/')}/{PAGE}"
    # a way to a login would lead to a page, too
    response = bench.project.session.get(url, timeout=REQUEST_SECONDS, allow_redirects=False)
    hold(response.status_code != _NOT_FOUND, f"{url}: not found")
    if not response.ok or response.is_redirect:
        raise NotAskedError(f"{url}: status {response.status_code}")
    return f"{url} answers"


PROBES = (
    Probe("composer-bucket", "The environment's bucket contains dags/ and plugins/", _dags),
    Probe("composer-config", "The environment has the settings of deploy-setup: timeouts, CPU", _config),
    Probe("models-page", "Airflow's web server has loaded the plugin of the page Models", _models_page),
)
