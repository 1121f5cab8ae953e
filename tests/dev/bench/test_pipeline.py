"""What the bench submits is what the DAG submits."""

from __future__ import annotations

import json

from vertex_mlops.contract.data_contract import DataContract

from dev.bench.pipeline import input_config


def test_the_query_reaches_the_pipeline_as_that_of_the_dag_does() -> None:
    assert input_config("SELECT 1") == json.loads(DataContract.input_config("SELECT 1"))
