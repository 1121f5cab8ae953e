"""The main workflow on this machine, step by step: ``make demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from deploy.terminal.progress import Progress
from dev.demo.measures import MemoryWatch
from dev.demo.publish import Compilation, read_spec
from dev.demo.report import Report, RunRow
from dev.demo.wine_data import append_vintage, load_wine
from dev.stack.airflow_api import AirflowApiError, run_seconds
from dev.stack.guard import guarded, stopping
from dev.stack.ownership import fresh
from dev.stack.settings import LOCAL, StackSettings
from dev.stack.stack import Stack
from dev.stack.vertex_state import VertexState, query_jobs

WINE = "white"
DAG_ID = f"wine_retraining_{WINE}"
STEPS = 9
NEW_ROWS = 400
RUN_SECONDS = 900
AT_WORK = ("queued", "running", "deferred", "up_for_reschedule")
TOLERANCE = 1e-5


class DemoError(RuntimeError):
    """A step had another result than expected; the message says which."""


class Demo:
    """
    The steps, against real parts.

    :param settings: the demo's own stack.
    :param steps: how many steps the caller will announce.
    """

    def __init__(self, settings: StackSettings, steps: int = STEPS) -> None:
        self.settings = settings
        self.progress = Progress(total=steps)
        self.stack = Stack(settings, self.progress)
        self.memory = MemoryWatch(self.stack.processes)
        self.report = Report()
        self._vertex: VertexState | None = None

    @property
    def vertex(self) -> VertexState:
        """Return Google's clients, created once the certificate authority exists."""
        self._vertex = self._vertex or VertexState(self.settings)
        return self._vertex

    def run(self) -> None:
        """
        Run every step.

        :raises DemoError: a step had another result than expected.
        """
        with Compilation(self.settings, self.progress, WINE) as compilation:
            with self.progress.step("Start localcloud and Airflow"):
                self.stack.start()
            # while the pipeline is compiled
            self.stack.airflow.warm_up()
            with self.memory:
                self._work(compilation)
        self.report.print_measures(self.progress, self.memory)

    def _work(self, compilation: Compilation) -> None:
        step, line = self.progress.step, self.progress.line
        with step("Load the UCI white wines into BigQuery"):
            line(load_wine(self.settings, WINE))
        with step("Upload the pipeline, compiled in the background"):
            line(compilation.publish())
        with step("First run: train, evaluate, roll out, monitor"):
            first = self.retrain("first")
        with step("Call the endpoint both ways"):
            self.predict(first)
        with step("Check the monitoring job"):
            self.show_monitoring(first)
        with step("Second run, with no new data: skipped"):
            self.skipped_run()
        with step("Third run, after new rows: a new model, the same monitoring job"):
            line(append_vintage(self.settings, WINE, NEW_ROWS, seed=2))
            third = self.retrain("third")
            self.compare(first, third)
        with step("What happened"):
            self.report.print_runs()

    def retrain(self, label: str) -> RunRow:
        """Trigger the DAG, follow it to its end, and read the result from Vertex AI."""
        self.stack.airflow.unpause(DAG_ID)
        run_id = self.stack.airflow.trigger(DAG_ID)
        self.progress.line(f"triggered {run_id}")
        return self.training(label, run_id)

    def training(self, label: str, run_id: str) -> RunRow:
        """
        Follow a training run to its end, and read the result from Vertex AI.

        :param label: of the run in the report.
        :raises DemoError: it failed, or its model is not better.
        """
        run = self.follow(run_id)
        xcom = {
            task: self.stack.airflow.xcom(DAG_ID, run_id, task)
            for task in ("check_data", "train", "retire", "monitor")
        }
        trained = xcom["train"]
        if not trained["blessed"]:
            raise DemoError(f"the model of run {run_id} was not blessed: {trained['reason']}")
        row = RunRow(
            label=label,
            run_id=run_id,
            seconds=run_seconds(run),
            data_version=trained["data_version"],
            rows=xcom["check_data"]["rows"],
            pipeline_job=trained["name"],
            metrics=trained["metrics"],
            serving=self.vertex.serving(xcom["retire"]["endpoint"]),
            monitoring_job=xcom["monitor"]["name"],
        )
        self.report.runs.append(row)
        return row

    def follow(self, run_id: str, dag_id: str = DAG_ID) -> dict[str, Any]:
        """
        Print the progress of a run until it has ended.

        :raises DemoError: it failed.
        """

        def probe() -> tuple[str, dict[str, Any] | None]:
            self.stack.check()
            try:
                run = self.stack.airflow.run(dag_id, run_id)
                states = self.stack.airflow.task_states(dag_id, run_id)
                ended = run["state"] in ("success", "failed")
                return self._describe(states), run if ended else None
            except AirflowApiError:
                # a dead process is a better error than its unanswered call
                self.stack.check()
                raise

        run = self.progress.wait(f"run {run_id}", probe, timeout=RUN_SECONDS, every=1)
        if run["state"] != "success":
            failed = [t for t, s in self.stack.airflow.task_states(dag_id, run_id).items() if s == "failed"]
            raise DemoError(
                f"run {run_id} failed in {', '.join(failed) or 'no task'}: "
                f"see {self.settings.airflow_home / 'logs'}"
            )
        return run

    def _describe(self, states: dict[str, str]) -> str:
        """Return the running tasks, and for train the pipeline's own steps."""
        active = [f"{task} {state}" for task, state in states.items() if state in AT_WORK]
        text = ", ".join(active) or "waiting for the scheduler"
        if states.get("train") == "deferred":
            slots = self.stack.airflow.occupied_slots()
            # between the two calls the job may have ended, and the task be queued again
            if slots[1]:
                self.report.note_slots(slots)
            jobs = self.vertex.pipeline_jobs(WINE)
            details = self.vertex.pipeline_job(jobs[-1].name).job_detail.task_details if jobs else []
            working = [detail.task_name for detail in details if detail.state.name == "RUNNING"]
            text += f"; pipeline: {', '.join(working) or 'between two steps'}"
        return text

    def predict(self, row: RunRow) -> None:
        """
        Send the lab's wine through both signatures.

        :raises DemoError: the answers differ.
        """
        contract = read_spec(self.settings, WINE)["dataContract"]
        endpoint = row.serving.endpoint
        body = {"instances": [contract["sample_instance"]], "signature_name": "serving_raw"}
        client = "curl" if shutil.which("curl") else "Python"
        if client != "curl":
            self.progress.line("curl is not on the PATH: Python sends the same request")
        raw = self.vertex.raw_predict(endpoint, body)
        self.progress.line(f"{client + ' :rawPredict, serving_raw:':<36}{_show(raw)}")
        if contract["default_signature"] == "serving_examples":
            example = self.vertex.predict_example(endpoint, contract["sample_example"])
            self.progress.line(f"PredictionServiceClient, tf.Example: {_show(example)}")
        else:
            instance = {"examples": {"b64": contract["sample_example"]}}
            example = self.vertex.raw_predict(
                endpoint, {"instances": [instance], "signature_name": "serving_examples"}
            )
            self.progress.line(f"{client + ' :rawPredict, tf.Example:':<36}{_show(example)}")
        if raw.keys() != example.keys() or any(
            abs(_number(raw[k]) - _number(example[k])) > TOLERANCE for k in raw
        ):
            raise DemoError(f"the two signatures return different predictions: {raw} and {example}")

    def show_monitoring(self, row: RunRow) -> None:
        """
        Print the monitoring job's state and thresholds.

        :raises DemoError: it does not run.
        """
        job = self.vertex.monitoring_job(row.monitoring_job)
        self.progress.line(f"{job.name}: {job.state.name}")
        for config in job.model_deployment_monitoring_objective_configs:
            skew = config.objective_config.training_prediction_skew_detection_config.skew_thresholds
            drift = config.objective_config.prediction_drift_detection_config.drift_thresholds
            for title, thresholds in (("skew", skew), ("drift", drift)):
                values = ", ".join(
                    f"{name} {threshold.value:g}" for name, threshold in sorted(thresholds.items())
                )
                self.progress.line(f"deployed model {config.deployed_model_id}, {title} thresholds: {values}")
        if job.state.name != "JOB_STATE_RUNNING":
            raise DemoError(f"monitoring job {job.name} is {job.state.name}")

    def skipped_run(self) -> None:
        """
        Trigger with unchanged data.

        :raises DemoError: the run did more than check.
        """
        jobs_before = len(self.vertex.pipeline_jobs(WINE))
        queries_before = len(query_jobs(self.settings))
        run_id = self.stack.airflow.trigger(DAG_ID)
        self.progress.line(f"triggered {run_id}")
        run = self.follow(run_id)
        states = self.stack.airflow.task_states(DAG_ID, run_id)
        made = len(self.vertex.pipeline_jobs(WINE)) - jobs_before
        queries = query_jobs(self.settings)
        scanned = sum(job.total_bytes_processed or 0 for job in queries[: len(queries) - queries_before])
        self.progress.line(", ".join(f"{task}: {state}" for task, state in states.items()))
        self.report.skipped_seconds, self.report.skipped_bytes = run_seconds(run), scanned
        self.report.skipped_run_id = run_id
        later = [state for task, state in states.items() if task != "check_freshness"]
        if made or set(later) != {"skipped"}:
            raise DemoError(f"the run was not skipped: {made} pipeline jobs created, tasks {states}")

    def compare(self, first: RunRow, third: RunRow) -> None:
        """
        Compare the third run with the first.

        :raises DemoError: it created no new model, or another monitoring job.
        """
        if third.pipeline_job == first.pipeline_job:
            raise DemoError("no new pipeline job was created")
        if third.monitoring_job != first.monitoring_job:
            raise DemoError(f"another monitoring job was created: {third.monitoring_job}")
        serving = [model for model, share in third.serving.traffic.items() if share == 100]
        if not serving or serving == list(first.serving.traffic):
            raise DemoError(f"the new model does not have all traffic: {third.serving.traffic}")
        job = self.vertex.monitoring_job(third.monitoring_job)
        watched = [config.deployed_model_id for config in job.model_deployment_monitoring_objective_configs]
        if watched != serving:
            raise DemoError(f"the monitoring job watches {watched}, but {serving} serves")
        self.progress.line(f"deployed model {serving[0]} has 100 % of the traffic; {job.name} monitors it")


def _number(value: Any) -> float:
    return float(value[0] if isinstance(value, list) else value)


def _show(prediction: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value):.6f}" for name, value in sorted(prediction.items()))


def run_demo(root: Path) -> None:
    """
    Run the demo with its own empty state, and always stop every process.

    :param root: folder of the stack.
    """
    settings = StackSettings(root=root)
    demo = Demo(settings)
    with fresh(root, demo.progress.line):
        settings.activate()
        with stopping(demo.stack):
            demo.run()


if __name__ == "__main__":
    sys.exit(guarded("make demo", lambda: run_demo(LOCAL / "demo")))
