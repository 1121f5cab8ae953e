"""Reading the data contract, and putting its questions into SQL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import PipelineJob
from google.cloud.bigquery import SchemaField
from vertex_mlops.contract.checks import check_query, row_problems, schema_problems
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.exceptions import SpecError
from vertex_mlops.runs.compiled_pipeline import part_of_file, part_of_job, read_pipeline_job

from tests.plugins.contract.contracts import CONTRACT, contract

JOB = "projects/1/locations/r/pipelineJobs/run-1"
URI = "gs://bucket/specs/wine-white.json"
TEXT_COLUMN = {"type": "STRING", "min": 0, "max": 1}
CLEAN = {"row_count": 5, "label_values": 3} | dict.fromkeys(
    (f"{name}__{kind}" for name in CONTRACT["columns"] for kind in ("null", "nan", "range")), 0
)


PLACEHOLDERS = "must have the placeholders {table} and {snapshot}, and no others"


def with_(**changes: Any) -> str:
    """Return a compiled pipeline file whose contract has these changes."""
    return json.dumps({"dataContract": CONTRACT | changes})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "not a compiled pipeline"),
        ("[]", "not a compiled pipeline"),
        ('{"pipelineSpec": {}}', "not a compiled pipeline with a dataContract: 'dataContract'"),
        (with_(extra=1), "dataContract.extra: unknown key; known: query, columns, label"),
        (with_(labels=1), "dataContract.labels: unknown key; did you mean label?"),
        (with_(outputs={}), "dataContract.outputs: must not be empty, not a mapping"),
        (with_(outputs={"good": {"min": 2, "max": 1}}), "outputs.good: min must not be greater than max, 1"),
        (with_(columns={"ph": TEXT_COLUMN}), "columns.ph.type: must be 'FLOAT64' or 'INT64', not 'STRING'"),
        (with_(columns={"a`b": TEXT_COLUMN}), "columns.'a`b': must be the name of a column"),
        (
            with_(columns={"quality": {"type": "INT64", "min": 0, "max": float("inf")}}),
            "columns.quality.max: must be a finite number, not inf",
        ),
        (with_(label="qualty"), "dataContract: label must be one of the columns"),
        (with_(min_rows=True), "dataContract.min_rows: must be a whole number, not true"),
        (with_(query="SELECT 1"), f"query: {PLACEHOLDERS}, not 'SELECT 1'"),
        (with_(query="{table.x}{snapshot}"), f"query: {PLACEHOLDERS}, not '{{table.x}}{{snapshot}}'"),
        (with_(query="{table}{snapshot!r}"), f"query: {PLACEHOLDERS}, not '{{table}}{{snapshot!r}}'"),
        (with_(query="{table}{snapshot}{"), f"query: {PLACEHOLDERS}, not '{{table}}{{snapshot}}{{'"),
    ],
)
def test_a_file_without_a_valid_contract_is_named_in_one_line(text: str, says: str) -> None:
    with pytest.raises(SpecError) as error:
        part_of_file(DataContract, text, URI)

    assert says in str(error.value)
    assert str(error.value).startswith(f"{URI}: ")
    assert "\n" not in str(error.value)


def job_with(**constants: Any) -> PipelineJob:
    """Return a pipeline job with a task that has these constant parameters."""
    parameters = {key: {"runtimeValue": {"constant": value}} for key, value in constants.items()}
    spec = {"root": {"dag": {"tasks": {"Other": {}, "Carrier": {"inputs": {"parameters": parameters}}}}}}
    return PipelineJob(name=JOB, pipeline_spec=spec)


def test_a_job_tells_the_contract_that_it_was_compiled_with() -> None:
    assert part_of_job(DataContract, job_with(data_contract=json.dumps(CONTRACT))) == contract()


@pytest.mark.parametrize(
    ("constants", "says"),
    [
        ({}, "contains no dataContract: no task has the constant parameter data_contract"),
        ({"serving": "{}"}, "contains no dataContract: no task has the constant parameter"),
        ({"data_contract": "not json"}, "parameter data_contract is not JSON"),
        ({"data_contract": json.dumps(CONTRACT | {"extra": 1})}, "dataContract.extra"),
        ({"data_contract": "[]"}, "dataContract: must be a mapping, not a list"),
    ],
)
def test_a_job_without_a_valid_contract_is_named_in_one_line(constants: dict[str, str], says: str) -> None:
    with pytest.raises(SpecError) as error:
        part_of_job(DataContract, job_with(**constants))

    assert says in str(error.value)
    assert str(error.value).startswith(JOB)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["None", "", "run-1", "projects/p/locations/r/models/m"])
def test_what_is_no_name_of_a_pipeline_job_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match=f"'{name}' is not a projects/PROJECT/"):
        read_pipeline_job(name, "google_cloud_default", None)


def test_the_label_is_no_feature() -> None:
    assert contract().features == ["ph", "alcohol"]


def test_the_training_query_is_pinned_and_survives_the_way_into_the_pipeline_parameter() -> None:
    query = contract().pinned_query("p.d.t", 1700000000000)

    assert "`p.d.t` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS(1700000000000)" in query
    assert json.loads(DataContract.input_config(query)) == {
        "splits": [{"name": "single_split", "pattern": query}]
    }


def test_legacy_type_names_are_the_same_types() -> None:
    schema = [
        SchemaField("ph", "FLOAT"),
        SchemaField("alcohol", "FLOAT64"),
        SchemaField("quality", "INTEGER"),
    ]

    assert schema_problems(contract(), schema) == {}


def test_missing_columns_other_types_and_arrays_are_told_apart() -> None:
    schema = [SchemaField("ph", "STRING"), SchemaField("quality", "INTEGER", mode="REPEATED")]

    assert schema_problems(contract(), schema) == {
        "ph": "is STRING, must be FLOAT64",
        "alcohol": "is missing",
        "quality": "is ARRAY<INT64>, must be INT64",
    }


def test_names_of_columns_are_not_case_sensitive() -> None:
    kinds = {"pH": "FLOAT", "ALCOHOL": "STRING", "Quality": "INTEGER"}
    schema = [SchemaField(name, kind) for name, kind in kinds.items()]

    assert schema_problems(contract(), schema) == {"alcohol": "is STRING, must be FLOAT64"}


def test_the_check_reads_the_same_state_of_the_table_as_the_training() -> None:
    query = check_query(contract(), ["ph"], "p.d.t", 1700000000000)

    assert query.endswith("FROM `p.d.t` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS(1700000000000)")
    assert "alcohol" not in query


def test_only_floats_are_asked_for_nan() -> None:
    query = check_query(contract(), ["ph", "quality"], "p.d.t", 1)

    assert "IS_NAN(`ph`)" in query
    assert "IS_NAN(`quality`)" not in query


@pytest.mark.parametrize(
    ("counts", "problems"),
    [
        ({}, []),
        ({"row_count": 0}, ["has 0 rows"]),
        ({"ph__null": 3}, ["column ph has 3 NULL"]),
        (
            {"alcohol__nan": 1, "quality__range": 2},
            ["column alcohol has 1 NaN", "column quality has 2 outside 0..10"],
        ),
    ],
)
def test_counts_become_words(counts: dict[str, Any], problems: list[str]) -> None:
    assert row_problems(contract(), list(contract().columns), CLEAN | counts) == problems
