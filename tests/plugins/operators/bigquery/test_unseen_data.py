"""Freshness of a table, asked of a real BigQuery and a real PipelineService."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from google.cloud import bigquery
from vertex_mlops.exceptions import (
    DataContractError,
    DataVersionError,
    PipelineJobFailedError,
)
from vertex_mlops.links.bigquery import TableLink

from localcloud.gateway.faults import Fault, Faults
from tests.plugins.operators.bigquery.wine_tables import (
    DATASET,
    SOUND,
    MakeTable,
    append,
    freshness,
    modified,
    train_on,
)
from tests.support.task_context import Upload, context_of


class TestFreshness:
    def test_a_table_that_nobody_learned_from_is_fresh(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND)
        operator = freshness(place, table_id)

        assert operator.execute(context_of(operator)) == {
            "table": f"wine-local.plugins.{table_id}",
            "data_version": modified(client, table_id),
            "num_rows": 1,
            "last_trained_version": None,
            "last_trained_rows": None,
            "trigger": "manual",
            "drift": [],
        }

    def test_an_unchanged_table_skips_everything_downstream_without_a_query(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version)
        operator = freshness(place, table_id)
        context = context_of(operator)
        queries = {job.job_id for job in client.list_jobs(all_users=True)}

        with pytest.raises(DownstreamTasksSkipped) as skipped:
            operator.execute(context)

        assert set(skipped.value.tasks) == {"next", "last"}
        assert context["ti"].xcoms["return_value"]["last_trained_version"] == version
        assert context["ti"].xcoms["skipped_because"] == (
            f"wine-local.plugins.{table_id} has not changed since the last training"
        )
        assert {job.job_id for job in client.list_jobs(all_users=True)} == queries

    def test_new_rows_make_the_table_fresh_again(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version)
        append(client, table_id, SOUND)
        operator = freshness(place, table_id)

        result = operator.execute(context_of(operator))

        assert result["last_trained_version"] == version
        assert result["data_version"] > version
        assert result["num_rows"] == 2

    @pytest.mark.parametrize(
        ("row_count", "told"), [("4898", 4898), (None, None), ("many", None)], ids=["told", "untold", "odd"]
    )
    def test_the_rows_of_the_last_training_are_handed_on(
        self,
        place: dict[str, str],
        client: bigquery.Client,
        make_table: MakeTable,
        upload: Upload,
        row_count: str | None,
        told: int | None,
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version - 2, row_count="77")
        train_on(place, upload, table_id, version - 1, row_count=row_count)
        operator = freshness(place, table_id)

        assert operator.execute(context_of(operator))["last_trained_rows"] == told

    def test_a_run_that_is_cleared_as_a_whole_is_not_told_by_its_own_training_to_skip(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version - 1)
        train_on(place, upload, table_id, version, run_id="manual__cleared")
        operator = freshness(place, table_id)

        again = operator.execute(context_of(operator, "manual__cleared"))

        assert (again["data_version"], again["last_trained_version"]) == (version, version - 1)
        with pytest.raises(DownstreamTasksSkipped):
            operator.execute(context_of(operator, "manual__next"))

    def test_a_training_that_failed_does_not_count(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        with pytest.raises(PipelineJobFailedError):
            train_on(place, upload, table_id, modified(client, table_id), "raise SystemExit(1)")
        operator = freshness(place, table_id)

        assert operator.execute(context_of(operator))["last_trained_version"] is None

    def test_a_list_of_trainings_without_an_answer_is_asked_for_again(
        self, place: dict[str, str], make_table: MakeTable, faults: Faults
    ) -> None:
        operator = freshness(place, make_table(SOUND))
        faults.add(Fault("PipelineService.ListPipelineJobs", calls=1, code="UNAVAILABLE"))

        assert operator.execute(context_of(operator))["last_trained_version"] is None
        assert not faults.pending()

    def test_a_training_on_another_table_of_the_same_wine_does_not_count(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, "another_table", modified(client, table_id) + 1)
        operator = freshness(place, table_id)

        assert operator.execute(context_of(operator))["last_trained_version"] is None

    def test_the_newest_training_that_succeeded_counts_also_after_one_that_failed(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version - 2)
        train_on(place, upload, table_id, version - 1)
        with pytest.raises(PipelineJobFailedError):
            train_on(place, upload, table_id, version, "raise SystemExit(1)")
        operator = freshness(place, table_id)

        assert operator.execute(context_of(operator))["last_trained_version"] == version - 1

    def test_force_goes_on_with_an_unchanged_table(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, table_id, modified(client, table_id))
        operator = freshness(place, table_id, force=True)

        result = operator.execute(context_of(operator))

        assert result["data_version"] == result["last_trained_version"]

    def test_a_version_of_the_past_is_trained_on_though_a_later_one_was(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        past = modified(client, table_id)
        append(client, table_id, SOUND)
        present = modified(client, table_id)
        train_on(place, upload, table_id, present)
        operator = freshness(place, table_id, data_version=past)

        result = operator.execute(context_of(operator))

        assert (result["data_version"], result["last_trained_version"]) == (past, present)

    def test_after_a_training_on_the_past_the_present_table_is_fresh_again(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        past = modified(client, table_id)
        append(client, table_id, SOUND)
        present = modified(client, table_id)
        train_on(place, upload, table_id, present)
        train_on(place, upload, table_id, past)
        operator = freshness(place, table_id)

        result = operator.execute(context_of(operator))

        assert (result["data_version"], result["last_trained_version"]) == (present, past)

    @pytest.mark.parametrize("force", [False, True])
    def test_the_version_that_was_trained_on_last_is_skipped_unless_forced(
        self,
        place: dict[str, str],
        client: bigquery.Client,
        make_table: MakeTable,
        upload: Upload,
        force: bool,
    ) -> None:
        table_id = make_table(SOUND)
        past = modified(client, table_id)
        append(client, table_id, SOUND)
        train_on(place, upload, table_id, past)
        operator = freshness(place, table_id, data_version=past, force=force)

        with nullcontext() if force else pytest.raises(DownstreamTasksSkipped):
            result = operator.execute(context_of(operator))
            assert result["data_version"] == past

    def test_a_version_newer_than_the_last_change_or_older_than_the_table_is_refused(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable
    ) -> None:
        table_id = make_table(SOUND)
        version = modified(client, table_id)

        for wrong, limit in ((version + 1, "newer than the table's last change"), (10**12, "older than the")):
            operator = freshness(place, table_id, data_version=wrong)
            with pytest.raises(DataVersionError, match=f"{table_id}: data_version {wrong} .* is {limit}"):
                operator.execute(context_of(operator))

    @pytest.mark.parametrize("version", [1764028800000.0, True, "1764028800000"])
    def test_a_version_that_is_no_whole_number_is_refused(
        self, place: dict[str, str], make_table: MakeTable, version: Any
    ) -> None:
        operator = freshness(place, make_table(SOUND), data_version=version)

        with pytest.raises(DataVersionError, match=f"data_version {version!r} is not a whole number"):
            operator.execute(context_of(operator))

    def test_the_dataset_says_how_old_a_version_may_be(
        self, client: bigquery.Client, place: dict[str, str], make_table: MakeTable
    ) -> None:
        operator = freshness(place, make_table(SOUND))
        assert operator.get_time_travel_hours() == 168

        dataset = client.get_dataset(DATASET)
        dataset.max_time_travel_hours = 48
        dataset = client.update_dataset(dataset, ["max_time_travel_hours"])
        try:
            assert operator.get_time_travel_hours() == 48
        finally:
            dataset.max_time_travel_hours = 168
            client.update_dataset(dataset, ["max_time_travel_hours"])

    def test_the_link_leads_to_the_table_also_when_there_is_none(
        self, place: dict[str, str], client: bigquery.Client
    ) -> None:
        operator = freshness(place, "grape")
        context = context_of(operator)

        with pytest.raises(DataContractError):
            operator.execute(context)

        assert context["ti"].xcoms[TableLink.key].endswith(f"&d={DATASET}&p=wine-local&page=table&t=grape")

    def test_a_missing_table_is_named(self, place: dict[str, str], client: bigquery.Client) -> None:
        operator = freshness(place, "grape")

        with pytest.raises(DataContractError, match=r"^wine-local\.plugins\.grape: no such table$"):
            operator.execute(context_of(operator))
