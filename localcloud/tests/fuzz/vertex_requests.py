"""Valid requests of Vertex AI and Cloud Monitoring, for the fuzzer to mutate, and what they name."""

from __future__ import annotations

from typing import Any

from google.cloud import aiplatform_v1 as v1
from tests.fuzz.services import Services
from tests.vertex.pipelines.specs import Pipeline

from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.resources.names import canonical
from localcloud.vertex.resources.store import ResourceStore

PARENT = "projects/local-project/locations/europe-west1"
ENDPOINT = f"{PARENT}/endpoints/1"
MODEL = f"{PARENT}/models/wine"
JOB = f"{PARENT}/modelDeploymentMonitoringJobs/1"
PIPELINE_JOB = f"{PARENT}/pipelineJobs/1"
BATCH_JOB = f"{PARENT}/batchPredictionJobs/1"
METRICS = "projects/local-project/metricDescriptors/aiplatform.googleapis.com/prediction/online"
# of existing resources
NAMES = (
    *("projects/local-project", PARENT, ENDPOINT, MODEL, f"{MODEL}@1", JOB, PIPELINE_JOB, BATCH_JOB),
    *(f"{ENDPOINT}/operations/1", f"{METRICS}/error_count"),
)
_RESOURCES = {"min_replica_count": 1, "machine_spec": {"machine_type": "n1-standard-2"}}
_DEPLOYED = {"model": MODEL, "display_name": "wine", "dedicated_resources": _RESOURCES}
_CONTAINER = {"image_uri": "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"}
_SPEC = Pipeline(color="STRING").container("a", outputs={"made": "tfx.Model"}).spec
_OBJECTIVE = {
    "deployed_model_id": "1",
    "objective_config": {
        "training_dataset": {
            "data_format": "csv",
            "gcs_source": {"uris": ["gs://wine/train.csv"]},
            "target_field": "quality",
        },
        "training_prediction_skew_detection_config": {"skew_thresholds": {"alcohol": {"value": 0.3}}},
        "prediction_drift_detection_config": {"drift_thresholds": {"alcohol": {"value": 0.3}}},
    },
}
_MONITORING = {
    "display_name": "wine",
    "endpoint": ENDPOINT,
    "model_deployment_monitoring_objective_configs": [_OBJECTIVE],
    "model_deployment_monitoring_schedule_config": {"monitor_interval": "3600s"},
    "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
    "model_monitoring_alert_config": {"email_alert_config": {"user_emails": ["a@example.com"]}},
    "predict_instance_schema_uri": "",
    "stats_anomalies_base_directory": {"output_uri_prefix": "gs://wine/stats"},
    "log_ttl": "86400s",
    "labels": {"wine": "white"},
}
_BATCH = {
    "display_name": "wine",
    "model": MODEL,
    "input_config": {
        "instances_format": "bigquery",
        "bigquery_source": {"input_uri": "bq://local-project.wine.white"},
    },
    "instance_config": {"instance_type": "object", "excluded_fields": ["quality"]},
    "output_config": {
        "predictions_format": "bigquery",
        "bigquery_destination": {"output_uri": "bq://local-project.wine"},
    },
    "dedicated_resources": {"machine_spec": {"machine_type": "n1-standard-2"}},
}
_METRIC = 'metric.type="aiplatform.googleapis.com/prediction/online/prediction_count"'
BODIES: dict[str, dict[str, Any]] = {
    "EndpointService.CreateEndpoint": {
        "endpoint": {"display_name": "x", "labels": {"a": "b"}},
        "endpoint_id": "2",
    },
    "EndpointService.UpdateEndpoint": {
        "endpoint": {"display_name": "x", "traffic_split": {"1": 100}},
        "update_mask": "displayName",
    },
    "EndpointService.ListEndpoints": {
        "filter": 'display_name="x"',
        "order_by": "create_time desc",
        "page_size": 1,
    },
    "EndpointService.DeployModel": {"deployed_model": _DEPLOYED, "traffic_split": {"0": 100}},
    "EndpointService.UndeployModel": {"deployed_model_id": "1"},
    "EndpointService.MutateDeployedModel": {
        "deployed_model": {**_DEPLOYED, "id": "1"},
        "update_mask": "dedicatedResources.minReplicaCount",
    },
    "ModelService.UploadModel": {
        "model": {"display_name": "wine", "artifact_uri": "gs://wine/model", "container_spec": _CONTAINER},
        "model_id": "wine",
    },
    "ModelService.UpdateModel": {"model": {"display_name": "x"}, "update_mask": "displayName"},
    "ModelService.MergeVersionAliases": {"version_aliases": ["champion", "-old"]},
    "ModelService.ListModels": {"filter": 'labels.a="b" AND display_name="x"', "page_token": "x"},
    "PipelineService.CreatePipelineJob": {
        "pipeline_job": {
            "display_name": "wine",
            "pipeline_spec": _SPEC,
            "runtime_config": {
                "gcs_output_directory": "gs://wine/root",
                "parameter_values": {"color": "white"},
            },
        },
        "pipeline_job_id": "wine",
    },
    "PipelineService.ListPipelineJobs": {
        "filter": 'state="PIPELINE_STATE_FAILED"',
        "order_by": "create_time",
    },
    "JobService.CreateModelDeploymentMonitoringJob": {"model_deployment_monitoring_job": _MONITORING},
    "JobService.UpdateModelDeploymentMonitoringJob": {
        "model_deployment_monitoring_job": _MONITORING,
        "update_mask": "modelDeploymentMonitoringScheduleConfig",
    },
    "JobService.CreateBatchPredictionJob": {"batch_prediction_job": _BATCH},
    "JobService.ListBatchPredictionJobs": {"filter": 'display_name:"x*" AND state="JOB_STATE_FAILED"'},
    "JobService.SearchModelDeploymentMonitoringStatsAnomalies": {
        "deployed_model_id": "1",
        "objectives": [{"type": 3, "top_feature_count": 2}],
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "2030-01-01T00:00:00Z",
    },
    "PredictionService.Predict": {"instances": [1]},
    "PredictionService.RawPredict": {"http_body": {"content_type": "application/json", "data": "e30="}},
    "MetricService.ListTimeSeries": {
        "filter": _METRIC,
        "interval": {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"},
    },
}


def seed_vertex(services: Services) -> None:
    """
    Recreate one resource of each kind, if an earlier request has deleted it.

    They are written to the store: deploying and running needs the pipeline environment.
    """
    deployed = v1.DeployedModel(id="1", model=MODEL, model_version_id="1", display_name="x")
    store = ResourceStore(services.settings.state / "vertex" / "resources.sqlite")
    model = v1.Model(name=canonical(MODEL, services.settings), display_name="wine")
    for name, made in (
        (
            ENDPOINT,
            v1.Endpoint(BODIES["EndpointService.CreateEndpoint"]["endpoint"], deployed_models=[deployed]),
        ),
        (PIPELINE_JOB, v1.PipelineJob(display_name="x", state=v1.PipelineState.PIPELINE_STATE_SUCCEEDED)),
        (JOB, v1.ModelDeploymentMonitoringJob(display_name="x", endpoint=ENDPOINT)),
        (
            BATCH_JOB,
            v1.BatchPredictionJob(
                BODIES["JobService.CreateBatchPredictionJob"]["batch_prediction_job"],
                model=model.name,
                model_version_id="1",
                state=v1.JobState.JOB_STATE_SUCCEEDED,
            ),
        ),
    ):
        made.name = canonical(name, services.settings)
        store.put(made.name, made)
    if not store.exists(model.name):
        ModelRegistry(store).add(model, new=True)
    store.close()
