"""Operator that checks whether the rows of a BigQuery table can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden

from vertex_mlops.contract.checks import ROW_COUNT, check_query, row_problems, schema_problems
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.snapshots import snapshot_time
from vertex_mlops.exceptions import DataContractError
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.monitoring.objective import check_features
from vertex_mlops.operators.bigquery.base import BigQueryTableBaseOperator, now_ms
from vertex_mlops.operators.bigquery.trainable_tables import streaming_buffer, time_travel_problem
from vertex_mlops.runs.compiled_pipeline import part_of_file, read_compiled_pipeline

if TYPE_CHECKING:
    from airflow.sdk import Context


class BigQueryDataContractCheckOperator(BigQueryTableBaseOperator):
    """
    Check the rows that a pipeline will be trained on against the contract compiled into it.

    The schema comes from ``tables.get``; the rows are counted by one aggregate query as of the same
    time as the training query, so both see the same rows. That time is the millisecond
    after ``data_version``, or yesterday if the table has not changed since then: time travel ends after two
    to seven days, depending on the data set.

    .. seealso::
        https://cloud.google.com/bigquery/docs/access-historical-data

    :param project_id: The ID of the Google Cloud project of the table (templated).
    :param dataset_id: The ID of the dataset (templated).
    :param table_id: The ID of the table (templated).
    :param data_version: State of the table to check, in milliseconds since the epoch (templated).
    :param template_path: ``gs://`` URI of the compiled pipeline file with the contract, or of a pointer to
        it (templated).
    :param named_features: Names that must be features of the model, because settings of a later task use
        them; checked here, before hours of training.
    :param last_trained_rows: Number of rows of the last training; None if unknown (templated).
    :param max_row_loss: Share of them, in (0, 1), that may be missing: the table of an interrupted load
        still meets the contract.
    :param force: If True, accept any number of missing rows (templated: use ``dag.param(...)``).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``rows``; ``query``, the pinned training query; ``input_config``, the pipeline parameter that
        makes the pipeline run it; ``template_path`` of the file whose contract was checked, for the task that
        submits it; ``bytes_processed`` by the check.
    :raises SpecError: the compiled pipeline file is missing or contains no contract.
    :raises UnknownFeatureError: one of ``named_features`` does not exist.
    :raises DataContractError: names the table, and why it cannot be trained on, or each column and
        count that violates the contract, or the number of missing rows.
    """

    template_fields = (
        "project_id",
        "dataset_id",
        "table_id",
        "data_version",
        "template_path",
        "last_trained_rows",
        "force",
        "gcp_conn_id",
        "impersonation_chain",
    )
    # None before the first training
    optional_results = ("last_trained_rows",)

    def __init__(
        self,
        *,
        data_version: int,
        template_path: str,
        named_features: Sequence[str] = (),
        last_trained_rows: int | None = None,
        max_row_loss: float = 1 / 3,
        force: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_version = data_version
        self.template_path = template_path
        self.named_features = named_features
        self.last_trained_rows = last_trained_rows
        self.max_row_loss = max_row_loss
        self.force = force

    def execute(self, context: Context) -> dict[str, Any]:
        TableLink.persist(context=context)
        compiled = read_compiled_pipeline(self.template_path, self.gcp_conn_id, self.impersonation_chain)
        contract = part_of_file(DataContract, compiled.text, compiled.uri)
        check_features(contract, self.named_features)
        table = self.get_table()
        problems = schema_problems(contract, table.schema)
        sound = [name for name in contract.columns if name not in problems]
        snapshot = snapshot_time(
            self.data_version, modified=int(table.to_api_repr()["lastModifiedTime"]), now=now_ms()
        )
        counts, bytes_processed = self._count(contract, sound, table.location, snapshot)
        found = [f"column {name} {problem}" for name, problem in problems.items()]
        found += row_problems(contract, sound, counts)
        if not counts[ROW_COUNT] and (buffered := streaming_buffer(table)):
            found.append(buffered)
        if found:
            raise DataContractError(f"{self.table}: {'; '.join(found)}")
        self._check_row_loss(counts[ROW_COUNT])
        self.log.info("%s: all %s rows keep the data contract", self.table, counts[ROW_COUNT])
        query = contract.pinned_query(self.table, snapshot)
        return {
            "rows": counts[ROW_COUNT],
            "query": query,
            "input_config": contract.input_config(query),
            "template_path": compiled.uri,
            "bytes_processed": bytes_processed,
        }

    def _check_row_loss(self, rows: int) -> None:
        before = self.last_trained_rows
        if not before or rows >= before * (1 - self.max_row_loss):
            return
        loss = (
            f"{self.table}: {rows} rows, {1 - rows / before:.0%} fewer than the {before} of the last training"
        )
        if not self.force:
            raise DataContractError(
                f"{loss}, more than {self.max_row_loss:.0%}; load the missing rows, "
                "or trigger a run with force if they are gone for good"
            )
        self.log.warning("%s; continuing, because force is set", loss)

    def _count(
        self, contract: DataContract, columns: list[str], location: str | None, snapshot: int
    ) -> tuple[dict[str, int], int]:
        query = check_query(contract, columns, self.table, snapshot)
        try:
            job: Any = self.hook.insert_job(
                configuration={"query": {"query": query, "useLegacySql": False}},
                project_id=self.project_id,
                location=location,
            )
            row = next(iter(job.result()))
        except Forbidden as error:
            if problem := time_travel_problem(str(error)):
                raise DataContractError(f"{self.table}: {problem}") from error
            raise
        return dict(row.items()), job.total_bytes_processed or 0
