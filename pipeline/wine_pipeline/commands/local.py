"""Runs the same graph in this process, with TFX's LocalDagRunner."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from google.protobuf import json_format
from tfx import v1 as tfx
from vertex_mlops.contract.data_contract import DataContract

from wine_pipeline.config import Target, WineConfig
from wine_pipeline.pipeline import create_pipeline
from wine_pipeline.scale import Scale


def run_locally(config: WineConfig, target: Target, query: str, memory: Path) -> str:
    """
    Run what the DAG submits, one component after the other; nothing is deployed.

    Artifacts go to a folder of their own below the pipeline root. The last blessed model in the metadata
    store is the champion, as it is on Vertex AI.

    :param config: of the wine.
    :param target: where the artifacts are.
    :param query: SQL that gives the rows.
    :param memory: SQLite file of ML Metadata; made if there is none.
    :return: the folder of the artifacts.
    """
    root = f"{target.pipeline_root(config)}/local/{datetime.now(UTC):%Y%m%d%H%M%S}"
    input_config = json_format.Parse(DataContract.input_config(query), tfx.proto.Input())
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(memory))
    pipeline = create_pipeline(config, target, Scale(), input_config, root, metadata, push=False)
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return root
