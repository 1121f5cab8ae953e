"""Metadata of the provider, as Airflow's provider manager reads it."""

from __future__ import annotations

from typing import Any

_VERTEX_AI, _BIGQUERY = "Google Vertex AI", "Google BigQuery"


def get_provider_info() -> dict[str, Any]:
    """
    Return the metadata of the provider.

    .. seealso::
        https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/provider_info.schema.json

    :return: the entries of that schema.
    """
    return {
        "package-name": "airflow-provider-vertex-mlops",
        "name": "Vertex AI MLOps",
        "description": "Retrain, roll out and monitor models on `Vertex AI <https://cloud.google.com/vertex-ai>`__.",
        "integrations": [
            {"integration-name": _VERTEX_AI, "external-doc-url": "https://cloud.google.com/vertex-ai/docs"},
            {"integration-name": _BIGQUERY, "external-doc-url": "https://cloud.google.com/bigquery/docs"},
        ],
        "operators": [
            {
                "integration-name": _BIGQUERY,
                "python-modules": [
                    "vertex_mlops.operators.bigquery.contract",
                    "vertex_mlops.operators.bigquery.unseen_data",
                ],
            },
            {
                "integration-name": _VERTEX_AI,
                "python-modules": [
                    "vertex_mlops.operators.batch_prediction.job",
                    "vertex_mlops.operators.monitoring.drift",
                    "vertex_mlops.operators.monitoring.job",
                    "vertex_mlops.operators.monitoring.state",
                    "vertex_mlops.operators.pipeline.cancel",
                    "vertex_mlops.operators.pipeline.job",
                    "vertex_mlops.operators.rollout.deployment",
                    "vertex_mlops.operators.rollout.endpoint",
                    "vertex_mlops.operators.rollout.gate",
                    "vertex_mlops.operators.rollout.model_registry",
                    "vertex_mlops.operators.rollout.undeployment",
                ],
            },
        ],
        "sensors": [
            {
                "integration-name": _VERTEX_AI,
                "python-modules": ["vertex_mlops.sensors.model_monitoring"],
            }
        ],
        "hooks": [
            {
                "integration-name": _VERTEX_AI,
                "python-modules": [
                    "vertex_mlops.hooks.model_monitoring",
                    "vertex_mlops.hooks.prediction_metrics",
                    "vertex_mlops.hooks.prediction_service",
                    "vertex_mlops.hooks.vertex_base",
                ],
            }
        ],
        # the connection type, google_cloud_platform, is that of the Google provider
        "extra-links": [
            "vertex_mlops.links.bigquery.TableLink",
            "vertex_mlops.links.model_card.ModelCardLink",
            "vertex_mlops.links.model_monitoring.ModelMonitoringJobLink",
            "vertex_mlops.links.vertex_ai.BatchPredictionJobLink",
            "vertex_mlops.links.vertex_ai.EndpointLink",
            "vertex_mlops.links.vertex_ai.ModelLink",
            "vertex_mlops.links.vertex_ai.PipelineJobLink",
        ],
    }
