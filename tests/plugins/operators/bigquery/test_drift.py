"""Freshness of a table after drift, asked of a real BigQuery and a real PipelineService."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from airflow.utils.types import DagRunType
from google.cloud import bigquery
from vertex_mlops.exceptions import (
    PipelineJobFailedError,
)
from vertex_mlops.monitoring.anomalies import Anomaly
from vertex_mlops.monitoring.drift_events import DriftEvent
from vertex_mlops.monitoring.drift_settings import DriftSettings
from vertex_mlops.operators.bigquery.unseen_data import BigQueryTableFreshnessOperator

from tests.plugins.operators.bigquery.wine_tables import (
    SOUND,
    MakeTable,
    append,
    freshness,
    modified,
    train_on,
)
from tests.support.task_context import Upload, context_of


def drift_event(end: str) -> DriftEvent:
    """Return a window that ended at some time of a day, in which wines were stronger."""
    found = Anomaly(
        deployed_model_id="7",
        objective="RAW_FEATURE_SKEW",
        feature="alcohol",
        distance=0.41,
        threshold=0.3,
        start_time="2025-11-25T09:00:00+00:00",
        end_time=f"2025-11-25T{end}:00+00:00",
    )
    return DriftEvent(
        monitoring_job="projects/1/locations/europe-west1/modelDeploymentMonitoringJobs/5",
        endpoint="projects/1/locations/europe-west1/endpoints/3",
        window_start=found["start_time"],
        window_end=found["end_time"],
        anomalies=[found],
    )


class TestDrift:
    """A run that asset events have caused, as Airflow tells the task."""

    def drifted(
        self, place: dict[str, str], table_id: str, *windows: DriftEvent, **changes: Any
    ) -> tuple[BigQueryTableFreshnessOperator, Any]:
        operator = freshness(place, table_id, **changes)
        events = [SimpleNamespace(extra=window) for window in windows or (drift_event("10:00"),)]
        run = SimpleNamespace(run_type=DagRunType.ASSET_TRIGGERED)
        # Airflow lists an event that came through an alias twice
        caused = {"triggering_asset_events": {"asset": events, "alias": events}, "dag_run": run}
        return operator, context_of(operator) | caused

    def reason(self, operator: BigQueryTableFreshnessOperator, context: Any) -> str:
        """Execute it; it must skip its downstream tasks."""
        with pytest.raises(DownstreamTasksSkipped) as skipped:
            operator.execute(context)
        assert set(skipped.value.tasks) == {"next", "last"}
        xcoms = context["ti"].xcoms
        assert xcoms["return_value"]["trigger"] == "drift"
        return str(xcoms["skipped_because"])

    def test_drift_with_new_data_goes_on_and_hands_on_what_has_caused_it(
        self, place: dict[str, str], make_table: MakeTable
    ) -> None:
        later, earlier = drift_event("11:00"), drift_event("10:00")
        operator, context = self.drifted(place, make_table(SOUND), later, earlier)

        result = operator.execute(context)

        assert (result["trigger"], result["drift"]) == ("drift", [earlier, later])
        assert "skipped_because" not in context["ti"].xcoms

    def test_drift_without_new_data_is_skipped_naming_the_drift_and_the_key(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, table_id, modified(client, table_id))

        # though no cooldown is in the way
        reason = self.reason(
            *self.drifted(place, table_id, drift_settings=DriftSettings(drift_cooldown_hours=0))
        )

        assert reason.startswith("caused by drift (alcohol 0.41 above 0.3 (RAW_FEATURE_SKEW)")
        assert reason.endswith("and retrain_on_drift_without_new_data is not set")

    def test_with_the_key_set_it_goes_on_though_the_table_is_unchanged(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, table_id, modified(client, table_id))
        operator, context = self.drifted(
            place,
            table_id,
            drift_settings=DriftSettings(retrain_on_drift_without_new_data=True, drift_cooldown_hours=0),
        )

        result = operator.execute(context)

        assert result["data_version"] == result["last_trained_version"]

    @pytest.mark.parametrize("statement", ["pass", "raise SystemExit(1)"], ids=["succeeded", "failed"])
    def test_within_the_cooldown_no_training_follows_another_however_that_ended(
        self,
        place: dict[str, str],
        client: bigquery.Client,
        make_table: MakeTable,
        upload: Upload,
        statement: str,
    ) -> None:
        table_id = make_table(SOUND)
        with nullcontext() if statement == "pass" else pytest.raises(PipelineJobFailedError):
            train_on(place, upload, table_id, modified(client, table_id), statement)
        append(client, table_id, SOUND)

        reason = self.reason(
            *self.drifted(place, table_id, drift_settings=DriftSettings(drift_cooldown_hours=24))
        )

        assert "but the last training, projects/" in reason
        assert reason.endswith("began 0.0 h ago, and drift_cooldown_hours is 24")

    def test_a_run_that_is_cleared_is_not_stopped_by_its_own_training(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        operator, context = self.drifted(
            place, table_id, drift_settings=DriftSettings(drift_cooldown_hours=24)
        )
        train_on(place, upload, table_id, modified(client, table_id), run_id=context["ti"].run_id)
        context["ti"].dag_id = "freshness"

        assert operator.execute(context)["trigger"] == "drift"

    def test_force_asks_for_no_reason(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, table_id, modified(client, table_id))
        operator, context = self.drifted(place, table_id, force=True)

        assert operator.execute(context)["trigger"] == "drift"

    def test_an_event_that_a_person_made_is_no_drift(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        table_id = make_table(SOUND)
        train_on(place, upload, table_id, modified(client, table_id))
        append(client, table_id, SOUND)
        operator, context = self.drifted(place, table_id)
        context["triggering_asset_events"] = {"asset": [SimpleNamespace(extra={"from_rest_api": True})]}

        result = operator.execute(context)

        assert (result["trigger"], result["drift"]) == ("asset_triggered", [])
