"""The history of a model: its runs, and its metrics over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from markupsafe import Markup

from vertex_mlops.contract.names import CHAMPION_ALIAS, PREVIOUS_ALIAS
from vertex_mlops.contract.reported import CHAMPION_PREFIX, MAJORITY_PREFIX, NOT_JUDGED
from vertex_mlops.page.charts import Point, line_chart
from vertex_mlops.page.readings import Training, Version
from vertex_mlops.page.sources import AirflowRun, RetrainedModel, run_path
from vertex_mlops.runs.pipeline_jobs import run_label

# the number of rows is not a metric of the model
_NO_FIGURES = ("examples",)
_LOWER_IS_BETTER = ("mad", "mae", "mse", "rmse", "loss")
_ABBREVIATION_LENGTH = 4
_CAUSES = {"manual": "manually", "scheduled": "by schedule", "asset_triggered": "by drift"}
_MOST_EVENTS = 12
_UNDER_WAY = ("queued", "running")
_UNSUCCESSFUL = ("FAILED", "CANCELLED")


class Event(NamedTuple):
    """
    One run of a model's DAGs, or a pipeline job without one.

    :param moment: when it started.
    :param dag_id: of the run; None without Airflow.
    :param run_id: of the run; None without Airflow.
    :param run_url: of the run's page.
    :param cause: what started it, in words.
    :param level: ``ok``, ``warn``, ``bad`` or ``unknown``.
    :param outcome: how it ended, in two or three words.
    :param detail: why; may be empty.
    :param training: its pipeline job; None if it submitted none.
    :param version: the version that the job has created; None if there is none.
    """

    moment: datetime
    dag_id: str | None
    run_id: str | None
    run_url: str | None
    cause: str
    level: str
    outcome: str
    detail: str
    training: Training | None
    version: Version | None


def tell_history(
    model: RetrainedModel,
    runs: Sequence[AirflowRun],
    trainings: Sequence[Training],
    versions: Iterable[Version],
) -> list[Event]:
    """
    Combine runs, pipeline jobs and versions, newest first.

    :param model: the model.
    :param runs: of its DAGs.
    :param trainings: its pipeline jobs, newest first.
    :param versions: in the registry.
    :return: the events, newest first.
    """
    # after a failure a run may submit another job: the newest shows the outcome
    by_run = {training.run: training for training in reversed(trainings) if training.run}
    made = {version.job_id: version for version in versions}
    events = []
    for run in runs:
        # it needs a task instance, and this has the same attributes
        training = by_run.get(run_label(run))  # type: ignore[arg-type]
        version = made.get(training.job_id) if training else None
        tell = _tell_rollback if run.dag_id == model.rollback_dag_id else _tell_retraining
        level, outcome, detail = tell(run, training, version)
        url = run_path(run.dag_id, run.run_id)
        cause = _CAUSES.get(run.cause, run.cause)
        events.append(
            Event(
                run.begun,
                run.dag_id,
                run.run_id,
                url,
                cause,
                level,
                outcome,
                detail,
                training,
                version,
            )
        )
    known = {event.training.job_id for event in events if event.training}
    events += [_without_run(training, made) for training in trainings if training.job_id not in known]
    return sorted(events, key=lambda event: event.moment, reverse=True)[:_MOST_EVENTS]


def metric_names(trainings: Iterable[Training]) -> list[str]:
    """Return the names of the metrics that the jobs report for their own models."""
    return sorted(
        {
            name
            for training in trainings
            for name in training.metrics
            if name not in _NO_FIGURES and not name.startswith((CHAMPION_PREFIX, MAJORITY_PREFIX))
        }
    )


def metric_title(name: str) -> str:
    """Return the title of a metric."""
    return name.upper() if len(name) <= _ABBREVIATION_LENGTH else name.replace("_", " ").capitalize()


def metric_charts(events: Sequence[Event]) -> list[tuple[str, Markup]]:
    """
    Draw each metric over time, with its title.

    :param events: newest first.
    :return: title and chart of each.
    """
    trained = [event for event in reversed(events) if event.training and event.training.metrics]
    charts = []
    for name in metric_names(event.training for event in trained if event.training):
        title = f"{metric_title(name)}, {'lower' if name in _LOWER_IS_BETTER else 'higher'} is better"
        points = [_point(name, event, event.training) for event in trained if event.training]
        charts.append((title, line_chart(title, [point for point in points if point])))
    return charts


def _point(name: str, event: Event, training: Training) -> Point | None:
    metrics: Mapping[str, Any] = training.metrics
    if name not in metrics:
        return None
    champion = metrics.get(CHAMPION_PREFIX + name)
    version = f"version {event.version.id}" if event.version else "no version"
    beside = f", champion {champion:.3f}" if champion is not None else ""
    return Point(
        label=f"{event.moment:%b %d %H:%M}",
        value=metrics[name],
        champion=champion,
        level=event.level,
        text=f"{event.moment:%Y-%m-%d %H:%M} UTC, {version}: {metrics[name]:.3f}{beside}. {event.outcome}",
        url=event.run_url or training.url,
    )


def _tell_rollback(
    run: AirflowRun, training: Training | None, version: Version | None
) -> tuple[str, str, str]:
    if run.state in _UNDER_WAY:
        return "unknown", "Rolling back", "the previous champion gets the traffic"
    if run.state == "success":
        return "warn", "Rolled back manually", "the previous champion has the traffic again"
    return "bad", "Rollback failed", _failed(run)


def _tell_retraining(
    run: AirflowRun, training: Training | None, version: Version | None
) -> tuple[str, str, str]:
    if run.state in _UNDER_WAY:
        return "unknown", "Running" if run.state == "running" else "Queued", ""
    if training is None:
        if run.state == "success":
            return "ok", "Nothing trained", run.skipped_because
        return "bad", "Failed", _failed(run)
    if training.state in _UNSUCCESSFUL:
        return _tell_unsuccessful(run, training)
    if run.left_alone:
        return "warn", "Result not used", "the task ended before its job; clear it to use the job's result"
    if run.state == "success":
        return _tell_verdict(training)
    if not training.blessed:
        return "bad", "Training failed", training.reason or _failed(run)
    if version and version.aliases & {CHAMPION_ALIAS, PREVIOUS_ALIAS}:
        return "warn", "Promoted, then failed", _failed(run)
    return "bad", "Rolled back", _failed(run)


def _tell_unsuccessful(run: AirflowRun, training: Training) -> tuple[str, str, str]:
    outcome = f"Training {training.state.lower()}"
    if run.state == "success":
        return "warn", outcome, training.reason or "the task ended before its job; clear it to train again"
    return "bad", outcome, training.reason or _failed(run)


def _tell_verdict(training: Training) -> tuple[str, str, str]:
    if training.blessed:
        return "ok", "Promoted", training.reason
    outcome = "Not judged" if training.verdict == NOT_JUDGED else "Rejected"
    return "warn", outcome, training.reason or "the pipeline reports no reason"


def _failed(run: AirflowRun) -> str:
    return f"failed: {', '.join(sorted(run.failed_tasks))}" if run.failed_tasks else "marked failed"


def _without_run(training: Training, made: Mapping[str, Version]) -> Event:
    if training.state in ("SUCCEEDED",):
        level, outcome, detail = _tell_verdict(training)
    elif training.state in _UNSUCCESSFUL:
        level, outcome, detail = "bad", f"Training {training.state.lower()}", training.reason
    else:
        level, outcome, detail = "unknown", f"Training {training.state.lower()}", ""
    cause = "run not found" if training.run else "without Airflow"
    version = made.get(training.job_id)
    return Event(training.created, None, None, None, cause, level, outcome, detail, training, version)
