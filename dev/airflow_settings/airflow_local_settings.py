"""Imported once by each long-running Airflow process: forked tasks inherit these libraries."""

import importlib

for _module in (
    "google.cloud.aiplatform",
    "google.cloud.bigquery",
    "google.cloud.monitoring_v3",
    "google.cloud.storage",
    "airflow.providers.google.cloud.hooks.bigquery",
    "airflow.providers.google.cloud.hooks.gcs",
    "airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service",
    "airflow.providers.google.cloud.hooks.vertex_ai.model_service",
    "airflow.providers.google.cloud.hooks.vertex_ai.prediction_service",
    "airflow.providers.google.cloud.operators.vertex_ai.pipeline_job",
    "airflow.providers.standard.triggers.temporal",
    "airflow.providers.standard.utils.skipmixin",
):
    importlib.import_module(_module)
