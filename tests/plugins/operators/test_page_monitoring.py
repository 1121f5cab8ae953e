"""What the page Models reads of a monitoring job that is there."""

from __future__ import annotations

from vertex_mlops.monitoring_settings import MonitoringSettings
from vertex_mlops.operators.model_monitoring import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.page.readings import read_everything
from vertex_mlops.page.report import make_report
from vertex_mlops.page.sources import RetrainedModel

from tests.plugins.conftest import context_of
from tests.plugins.monitoring import delete_monitoring_job, settle
from tests.plugins.operators.rollouts import Rollout


def test_it_cannot_tell_drift_while_the_default_signature_hides_the_features(rollout: Rollout) -> None:
    deployed = rollout.crown("sound")
    operator = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint=deployed["endpoint"],
        deployed_model_id=deployed["deployed_model_id"],
        training_examples="gs://plugins/examples/1",
        pipeline_job=rollout.job_of(deployed["model_version"]),
        display_name=rollout.name,
        settings=MonitoringSettings(),
        **rollout.place,  # type: ignore[arg-type]
    )
    watching = operator.execute(context_of(operator))
    model = RetrainedModel(
        dag_id="wine_retraining_test",
        rollback_dag_id=None,
        dataset_id="wine_quality",
        table_id="test_wine",
        labels={"wine": rollout.name},
        template_path="gs://plugins/specs/there-is-none.json",
        gcp_conn_id="google_cloud_default",
        impersonation_chain=None,
        **rollout.place,
    )

    (read,) = read_everything([model])
    settle(rollout.place, watching)
    delete_monitoring_job(watching["name"])

    assert watching["features_seen"] is False
    assert read.monitoring.problem == ""
    _, _, drift = make_report(model, read, [], []).tiles
    assert (drift.level, drift.answer) == ("warn", "Cannot tell")
