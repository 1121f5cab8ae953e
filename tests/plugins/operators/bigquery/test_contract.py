"""The rows of a table against the data contract, asked of a real BigQuery."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from google.cloud import bigquery
from vertex_mlops.exceptions import (
    DataContractError,
    SpecError,
    UnknownFeatureError,
)

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.bigquery.wine_tables import (
    SCHEMA,
    SOUND,
    MakeTable,
    Row,
    append,
    check,
    modified,
)
from tests.support.task_context import Upload


@pytest.fixture
def spec_uri(upload: Upload) -> str:
    return upload({"pipelineSpec": {}, "dataContract": CONTRACT})


class TestDataContract:
    def test_features_that_later_settings_name_must_exist(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND)

        assert check(client, spec_uri, table_id, named_features=("ph",))["rows"] == 1
        with pytest.raises(UnknownFeatureError, match="no such feature: pH; the model has alcohol, ph"):
            check(client, spec_uri, table_id, named_features=("ph", "pH"))

    def test_sound_rows_give_the_pinned_training_query(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND, SOUND)

        result = check(client, spec_uri, table_id)

        assert result["rows"] == 2
        assert f"TIMESTAMP_MILLIS({modified(client, table_id) + 1})" in result["query"]
        assert json.loads(result["input_config"])["splits"][0]["pattern"] == result["query"]
        assert result["bytes_processed"] > 0

    def test_a_table_may_spell_its_columns_in_another_case(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        # as bq load --autodetect names them by the header of UCI's file
        schema = [
            bigquery.SchemaField("pH", "FLOAT"),
            *SCHEMA[1:2],
            bigquery.SchemaField("Quality", "INTEGER"),
        ]
        table_id = make_table(SOUND, schema=schema)

        result = check(client, spec_uri, table_id)

        assert result["rows"] == 1
        # the model's features are spelled as the contract does
        trained_on = client.query_and_wait(result["query"])
        assert [dict(row.items()) for row in trained_on] == [{"ph": 3.5, "quality": 6}]

        append(client, table_id, SOUND | {"ph": None})
        with pytest.raises(DataContractError, match=f"{table_id}: column ph has 1 NULL$"):
            check(client, spec_uri, table_id)

    def test_rows_that_came_after_the_data_version_are_not_looked_at(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        append(client, table_id, SOUND | {"quality": 11})

        result = check(client, spec_uri, table_id, version)

        assert result["rows"] == 1
        assert client.query_and_wait(result["query"]).total_rows == 1

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ({"ph": None}, "column ph has 1 NULL"),
            ({"ph": math.nan}, "column ph has 1 NaN"),
            ({"ph": -0.5}, "column ph has 1 outside 0..14"),
            ({"alcohol": math.inf}, "column alcohol has 1 outside 0..25"),
            ({"quality": None}, "column quality has 1 NULL"),
            ({"quality": 11}, "column quality has 1 outside 0..10"),
            (
                {"ph": math.nan, "quality": -1},
                "column ph has 1 NaN; column quality has 1 outside 0..10",
            ),
        ],
    )
    def test_bad_rows_are_named_by_table_column_and_count(
        self,
        client: bigquery.Client,
        spec_uri: str,
        make_table: MakeTable,
        row: Row,
        problem: str,
    ) -> None:
        table_id = make_table(SOUND, SOUND | row)

        with pytest.raises(DataContractError) as error:
            check(client, spec_uri, table_id)

        assert str(error.value) == f"wine-local.plugins.{table_id}: {problem}"

    def test_an_empty_table_is_refused(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table()

        with pytest.raises(DataContractError, match=f"{table_id}: has 0 rows$"):
            check(client, spec_uri, table_id)

    @pytest.mark.parametrize(
        ("rows", "problem"),
        [
            ([SOUND], "has 1 row, must have at least 3; column quality has 1 value, must have at least 2"),
            ([SOUND, SOUND | {"quality": 5}], "has 2 rows, must have at least 3"),
            ([SOUND, SOUND, SOUND], "column quality has 1 value, must have at least 2"),
        ],
        ids=["one-row", "few-rows", "one-grade"],
    )
    def test_rows_that_no_model_can_be_judged_by_are_refused(
        self, client: bigquery.Client, upload: Upload, make_table: MakeTable, rows: list[Row], problem: str
    ) -> None:
        contract = CONTRACT | {"min_rows": 3, "min_label_values": 2}
        uri = upload({"pipelineSpec": {}, "dataContract": contract})
        table_id = make_table(*rows)

        with pytest.raises(DataContractError) as error:
            check(client, uri, table_id)

        assert str(error.value) == f"wine-local.plugins.{table_id}: {problem}"
        append(client, table_id, SOUND, SOUND | {"quality": 5})
        assert check(client, uri, table_id)["rows"] == len(rows) + 2

    def test_a_table_that_lost_many_of_the_rows_of_the_last_training_is_refused_unless_forced(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND, SOUND)

        for rows in (None, 2, 3):
            assert check(client, spec_uri, table_id, last_trained_rows=rows, max_row_loss=0.34)["rows"] == 2
        with pytest.raises(DataContractError) as error:
            check(client, spec_uri, table_id, last_trained_rows=8, max_row_loss=0.34)
        forced = check(client, spec_uri, table_id, last_trained_rows=8, max_row_loss=0.34, force=True)

        assert str(error.value) == (
            f"wine-local.plugins.{table_id}: 2 rows, 75% fewer than the 8 of the last training, "
            "more than 34%; load the missing rows, or trigger a run with force if they are gone for good"
        )
        assert forced["rows"] == 2

    def test_a_missing_column_another_type_and_bad_rows_are_told_together(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        schema = [bigquery.SchemaField("ph", "INTEGER"), bigquery.SchemaField("quality", "INTEGER")]
        table_id = make_table({"ph": 3, "quality": 12}, schema=schema)

        with pytest.raises(DataContractError) as error:
            check(client, spec_uri, table_id)

        assert str(error.value).endswith(
            "column ph is INT64, must be FLOAT64; column alcohol is missing; "
            "column quality has 1 outside 0..10"
        )

    def test_a_missing_table_is_named(self, client: bigquery.Client, spec_uri: str) -> None:
        with pytest.raises(DataContractError, match=r"^wine-local\.plugins\.grape: no such table$"):
            check(client, spec_uri, "grape", 1)

    def test_a_missing_spec_is_named_before_any_query(
        self, client: bigquery.Client, bucket: Any, make_table: MakeTable
    ) -> None:
        with pytest.raises(SpecError, match=r"^gs://plugins/none\.json: no such object"):
            check(client, "gs://plugins/none.json", make_table(SOUND))
