"""What the page Models reads of an endpoint and a monitoring job that are there."""

from __future__ import annotations

from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.page.reader import read_everything
from vertex_mlops.page.report import make_report
from vertex_mlops.page.sources import RetrainedModel

from tests.plugins.monitoring.monitoring_jobs import delete_monitoring_job, settle
from tests.plugins.operators.rollout.rollouts import Rollout, await_jobs, serving
from tests.plugins.runs.pipelines import compiled, pipeline, producer, submit
from tests.support.task_context import Upload, context_of


def retrained(rollout: Rollout, template_path: str) -> RetrainedModel:
    """Return the wine as its DAG says it."""
    return RetrainedModel(
        dag_id="wine_retraining_test",
        rollback_dag_id=None,
        dataset_id="wine_quality",
        table_id="test_wine",
        labels={"wine": rollout.name},
        pipeline_task_id="train",
        template_path=template_path,
        gcp_conn_id="google_cloud_default",
        impersonation_chain=None,
        **rollout.place,
    )


def test_it_shows_what_serves_whatever_name_was_deployed_since(rollout: Rollout, upload: Upload) -> None:
    deployed = rollout.crown("sound")
    await_jobs(rollout)
    other = upload(compiled(**rollout.parts | {"serving": serving(f"{rollout.name}-new")}))

    (read,) = read_everything([retrained(rollout, other)])

    assert read.service.value is not None
    assert read.service.value.name == rollout.name
    (version,) = read.service.value.versions
    assert (version.traffic, version.deployed_model_id) == (100, deployed["deployed_model_id"])


def test_it_reads_what_the_tasks_of_each_job_have_made(rollout: Rollout, upload: Upload) -> None:
    bucket = rollout.folder.removeprefix("gs://").partition("/")[0]
    labels = {"wine": rollout.name, "data_version": "1764028800000"}
    metrics = producer("MetricsReporter", "metrics", "system.Metrics", mad=0.5)
    blessing = producer("Evaluator", "blessing", "tfx.ModelBlessing", blessed=1)
    submit(rollout.place, bucket, pipeline(metrics, blessing), **labels)
    await_jobs(rollout)

    (read,) = read_everything([retrained(rollout, upload(compiled(**rollout.parts)))])

    assert read.trainings.value is not None
    (training,) = read.trainings.value
    assert (training.state, training.blessed, training.metrics) == ("SUCCEEDED", True, {"mad": 0.5})


def test_before_the_first_champion_it_looks_where_the_next_run_will_deploy(
    rollout: Rollout, upload: Upload
) -> None:
    (read,) = read_everything([retrained(rollout, upload(compiled(**rollout.parts)))])

    assert read.service.value is not None
    assert (read.service.value.name, read.service.value.url) == (rollout.name, None)


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
    await_jobs(rollout)
    model = retrained(rollout, "gs://plugins/specs/there-is-none.json")

    (read,) = read_everything([model])
    settle(rollout.place, watching)
    delete_monitoring_job(watching["name"])

    assert watching["features_seen"] is False
    assert read.monitoring.problem == ""
    _, _, drift = make_report(model, read, [], []).tiles
    assert (drift.level, drift.answer) == ("warn", "Cannot tell")
