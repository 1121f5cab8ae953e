"""Who ends a pipeline job, and who takes it over, on a live Airflow."""

from __future__ import annotations

import pytest

from tests.plugins.live.runs import DEFERRED, WAITING, Runs

RUNNING = "PIPELINE_STATE_RUNNING"
CANCELLED = "PIPELINE_STATE_CANCELLED"
SUCCEEDED = "PIPELINE_STATE_SUCCEEDED"

pytestmark = pytest.mark.timeout(600)


def test_marking_the_task_failed_cancels_its_job_and_clearing_it_starts_the_next(runs: Runs) -> None:
    both = runs.start_both()

    for run in both:
        run.mark_task("train", "failed")
    for run in both:
        state, tasks = run.wait_for_end()

        run.wait_for_jobs(CANCELLED)
        assert state == "failed", run.dag_id
        assert tasks == {"train": "failed", "cancel": "success", "report": "upstream_failed"}, run.dag_id

    runs.open_gate()
    for run in both:
        run.clear("train")
    for run in both:
        state, tasks = run.wait_for_end()

        first, second = run.wait_for_jobs(CANCELLED, SUCCEEDED)
        assert second == f"{first}-2"
        assert state == "success", run.dag_id
        assert set(tasks.values()) == {"success"}, run.dag_id


def test_marking_the_task_success_cancels_its_job_for_nobody_takes_the_result(runs: Runs) -> None:
    run = runs.start(DEFERRED)

    run.mark_task("train", "success")
    _, tasks = run.wait_for_end()

    run.wait_for_jobs(CANCELLED)
    assert tasks == {"train": "success", "cancel": "success", "report": "failed"}
    assert len(run.xcom("cancel")["cancelled"]) == 1


def test_marking_the_run_success_cancels_its_job_and_the_run_stays_a_success(runs: Runs) -> None:
    both = runs.start_both()

    for run in both:
        run.mark("success")
    for run in both:
        state, tasks = run.wait_for_end()

        run.wait_for_jobs(CANCELLED)
        assert state == "success", run.dag_id
        assert tasks == {"train": "success", "cancel": "success", "report": "skipped"}, run.dag_id


def test_marking_the_run_failed_cancels_its_job_and_the_run_stays_failed(runs: Runs) -> None:
    both = runs.start_both()

    for run in both:
        run.mark("failed")
    for run in both:
        state, tasks = run.wait_for_end()

        run.wait_for_jobs(CANCELLED)
        assert state == "failed", run.dag_id
        # Airflow skips a task that it finds on the way from the triggerer to a worker
        assert tasks.pop("train") in ("failed", "skipped"), run.dag_id
        assert tasks == {"cancel": "failed", "report": "skipped"}, run.dag_id


def test_marking_the_run_failed_between_two_tries_cancels_the_job_and_the_run_stays_failed(
    runs: Runs,
) -> None:
    run = runs.start(WAITING)

    run.worker("train", runs.stack.processes).kill()
    run.wait_for_task("train", "up_for_retry")
    run.mark("failed")
    state, tasks = run.wait_for_end()

    run.wait_for_jobs(CANCELLED)
    assert state == "failed"
    assert tasks == {"train": "skipped", "cancel": "failed", "report": "skipped"}


def test_a_job_that_arrives_only_after_its_task_was_marked_failed_is_cancelled(runs: Runs) -> None:
    run = runs.start_with_a_late_job(DEFERRED)

    run.mark_task("train", "failed")
    run.wait_for_task("cancel", "up_for_reschedule")
    assert run.jobs() == []

    run.wait_for_jobs(CANCELLED)


def test_clearing_the_task_adopts_the_job_that_still_runs(runs: Runs) -> None:
    both = runs.start_both()
    jobs = [run.wait_for_jobs(RUNNING) for run in both]

    for run in both:
        run.clear("train")
    for run, (job_id,) in zip(both, jobs, strict=True):
        run.wait_for_try("train", 2)
        run.wait_for_task("train", run.at_work)
        assert run.jobs() == [(job_id, RUNNING)]
    runs.open_gate()
    for run, job_ids in zip(both, jobs, strict=True):
        state, tasks = run.wait_for_end()

        assert run.wait_for_jobs(SUCCEEDED) == job_ids
        assert state == "success", run.dag_id
        assert set(tasks.values()) == {"success"}, run.dag_id


@pytest.mark.parametrize("component", ["triggerer", "scheduler"])
def test_a_restart_of_airflow_neither_cancels_nor_repeats(runs: Runs, component: str) -> None:
    run = runs.start(DEFERRED)
    (job_id,) = run.wait_for_jobs(RUNNING)

    runs.restart(component)
    assert run.jobs() == [(job_id, RUNNING)]
    runs.open_gate()
    state, _ = run.wait_for_end()

    assert run.wait_for_jobs(SUCCEEDED) == [job_id]
    assert state == "success"


def test_a_killed_worker_is_followed_by_one_that_adopts_its_job(runs: Runs) -> None:
    run = runs.start(WAITING)
    (job_id,) = run.wait_for_jobs(RUNNING)

    run.worker("train", runs.stack.processes).kill()
    run.wait_for_try("train", 2)
    runs.open_gate()
    state, _ = run.wait_for_end()

    assert run.wait_for_jobs(SUCCEEDED) == [job_id]
    assert state == "success"
