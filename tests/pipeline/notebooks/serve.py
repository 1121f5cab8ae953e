"""Fills a cloud: the rows in a table, a model behind an endpoint. ``serve.py ROWS.json MODEL_FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from google.cloud import aiplatform_v1, bigquery, storage
from wine_pipeline.config import ServingConfig, Target
from wine_pipeline.features import FEATURE_NAMES, QUALITY
from wine_pipeline.vertex.serving import build_container_spec

BUCKET = "ada_mlops_lab"
REGION = "europe-west1"
ENDPOINT = "wine-white"


def load_table(rows: Path) -> None:
    """Load the wines as the local stack does: FLOAT64 features and an INT64 grade."""
    client = bigquery.Client()
    client.create_dataset("wine_quality")
    schema = [bigquery.SchemaField(name, "FLOAT64") for name in FEATURE_NAMES]
    schema.append(bigquery.SchemaField(QUALITY, "INT64"))
    config = bigquery.LoadJobConfig(schema=schema)
    client.load_table_from_json(
        json.loads(rows.read_text()), "wine_quality.white_wine", job_config=config
    ).result()


def deploy(folder: Path) -> None:
    """Deploy the SavedModel to the endpoint, as the Pusher does."""
    bucket = storage.Client().create_bucket(BUCKET)
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.blob(f"model/{path.relative_to(folder)}").upload_from_filename(path)
    serving = ServingConfig()
    options = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
    endpoints = aiplatform_v1.EndpointServiceClient(client_options=options)
    parent = endpoints.common_location_path(storage.Client().project, REGION)
    model = {
        "display_name": ENDPOINT,
        "artifact_uri": f"gs://{BUCKET}/model",
        "container_spec": build_container_spec(serving, Target(storage.Client().project, REGION, BUCKET)),
    }
    uploaded = aiplatform_v1.ModelServiceClient(client_options=options).upload_model(
        parent=parent, model=model
    )
    # an endpoint of another name exists next to it, so that looking up means choosing
    for name in ("wine-red", ENDPOINT):
        endpoint = endpoints.create_endpoint(parent=parent, endpoint={"display_name": name}).result()
    machine = {"machine_spec": {"machine_type": serving.machine_type}, "min_replica_count": 1}
    endpoints.deploy_model(
        endpoint=endpoint.name,
        deployed_model={"model": uploaded.result().model, "dedicated_resources": machine},
        traffic_split={"0": 100},
    ).result()


if __name__ == "__main__":
    load_table(Path(sys.argv[1]))
    deploy(Path(sys.argv[2]))
