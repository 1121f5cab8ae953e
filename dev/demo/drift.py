"""Drift and retraining on this machine, step by step: ``make demo-drift``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dev.demo.publish import Compilation
from dev.demo.report import RunRow, figures
from dev.demo.train import DAG_ID, WINE, Demo, DemoError
from dev.demo.wine_data import append_vintage, load_wine
from dev.demo.wine_traffic import ask_about, draw_wines
from dev.stack.configured import ConfiguredSettings
from dev.stack.guard import guarded, stopping
from dev.stack.ownership import fresh
from dev.stack.settings import LOCAL
from localcloud.clients.monitor import run_window
from localcloud.testing import MailSink

DRIFT_DAG = "wine_drift"
STEPS = 11
REQUESTS = 2000
STRONGER = 2.0
NEW_ROWS = 3000
ALERTED = "cellar@example.com"
# of the distances of a window, the largest
SHOWN = 4
MAIL_SECONDS = 30
EVENT_SECONDS = 120
# the first of January: the demo triggers the drift check itself
NEVER = "0 0 1 1 *"


@dataclass(frozen=True)
class DriftSettings(ConfiguredSettings):
    """
    A stack whose alerts are mailed.

    :param smtp: host and port of the mail server.
    """

    smtp: str = ""

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | {"LOCALCLOUD_SMTP": self.smtp}


def configure(content: dict[str, Any]) -> None:
    """Configure alerts without a cooldown; the demo itself triggers the drift check."""
    content["drift_schedule"] = NEVER
    wine = content["wines"][WINE]
    wine["monitoring"]["emails"] = [ALERTED]
    wine["drift"]["drift_cooldown_hours"] = 0


class DriftDemo(Demo):
    """
    The steps, against real parts.

    :param settings: the demo's own stack.
    :param mail: gets the alerts.
    """

    def __init__(self, settings: DriftSettings, mail: MailSink) -> None:
        super().__init__(settings, steps=STEPS)
        self.mail = mail
        self.summary: dict[str, str] = {}

    def run(self) -> None:
        """
        Run every step.

        :raises DemoError: a step had another result than expected.
        """
        step, line = self.progress.step, self.progress.line
        with Compilation(self.settings, self.progress, WINE) as compilation:
            with step("Start localcloud and Airflow"):
                self.stack.start()
            with step("Load the UCI white wines, upload the pipeline, compiled in the background"):
                line(load_wine(self.settings, WINE))
                line(compilation.publish())
        with step("First run: a model serves and is monitored"):
            first = self.retrain("first")
            self.stack.airflow.unpause(DRIFT_DAG)
        with step(f"{REQUESTS:,} requests like the training data: no anomaly, no mail, no event"):
            self.ask("ordinary requests", first, seed=1, anomalies=set())
            self.look(events=0)
        with step(
            f"{REQUESTS:,} requests for wines with {STRONGER:g} % more alcohol: an anomaly of alcohol only"
        ):
            self.ask("stronger wines", first, seed=2, alcohol=STRONGER, anomalies={"alcohol"})
        with step(f"The alert mail to {ALERTED}"):
            self.read_mail()
        with step("Add the stronger vintage, graded, to the table"):
            line(append_vintage(self.settings, WINE, NEW_ROWS, seed=3, alcohol=STRONGER))
        with step("wine_drift: one asset event for the window, and none in a second run"):
            (event,) = self.look(events=1)
            self.look(events=0)
        with step("The event starts a run, which trains on the new rows and rolls out"):
            second = self.follow_event(event)
        with step("The monitoring job uses the new training data; the same wines are no longer an anomaly"):
            self.compare_baselines(first, second)
            self.ask("the same, retrained", second, seed=4, alcohol=STRONGER, anomalies=set())
        with step("What happened"):
            for name, text in self.summary.items():
                line(f"{name:<22}{text}")

    def ask(self, label: str, row: RunRow, *, seed: int, anomalies: set[str], alcohol: float = 0.0) -> None:
        """
        Send requests, and have the monitoring job analyse them at once.

        :param label: of the requests in the summary.
        :param row: the run whose model serves.
        :param seed: of the sample of wines.
        :param anomalies: the features that must be reported, and no others.
        :param alcohol: percent by volume that the wines are stronger.
        :raises DemoError: other features are reported.
        """
        wines = draw_wines(WINE, REQUESTS, seed, alcohol)
        ask_about(self.settings, row.serving.endpoint, wines)
        self.progress.line(f"{REQUESTS:,} requests are answered")
        mails = len(self.mail.messages)
        lines = run_window(self.settings.cloud, row.monitoring_job)
        found = {text.split()[2] for text in lines if "ANOMALY" in text}
        # deployed model, objective, feature, distance
        for text in sorted(lines, key=lambda text: -float(text.split()[3]))[:SHOWN]:
            self.progress.line(text)
        skew = next(text.split()[3] for text in lines if "SKEW" in text and " alcohol " in text)
        self.summary[label] = f"alcohol is {skew} from the training data; {', '.join(found) or 'no'} anomaly"
        if found != anomalies:
            raise DemoError(f"expected anomalies of {anomalies or 'nothing'}, found {found or 'none'}")
        if not anomalies and len(self.mail.messages) != mails:
            raise DemoError(f"a mail without an anomaly: {self.mail.messages[-1]['Subject']}")

    def look(self, *, events: int) -> list[dict[str, Any]]:
        """
        Run wine_drift once.

        :param events: how many it must emit.
        :return: the emitted events.
        :raises DemoError: their number differs.
        """
        airflow = self.stack.airflow
        run_id = airflow.trigger(DRIFT_DAG)
        self.follow(run_id, DRIFT_DAG)
        found = self._events_of(run_id)
        if len(found) != events:
            raise DemoError(f"{DRIFT_DAG} has emitted {len(found)} events in {run_id}, not {events}")
        return found

    def _events_of(self, run_id: str) -> list[dict[str, Any]]:
        query = urlencode({"source_dag_id": DRIFT_DAG, "source_run_id": run_id})
        found: list[dict[str, Any]] = self.stack.airflow.call("GET", f"/assets/events?{query}")[
            "asset_events"
        ]
        return found

    def read_mail(self) -> None:
        """
        Print the alert.

        :raises DemoError: its content differs.
        """
        self.progress.wait(
            "the alert mail",
            lambda: ("waiting for the mail", self.mail.messages or None),
            timeout=MAIL_SECONDS,
            every=0.2,
        )
        if len(self.mail.messages) != 1:
            raise DemoError(f"there are {len(self.mail.messages)} mails, not one")
        message = self.mail.messages[0]
        text = message.get_content()
        for part in (f"To: {message['To']}", f"Subject: {message['Subject']}", *text.splitlines()):
            self.progress.line(part)
        told = {part.partition(":")[0] for part in text.splitlines() if "threshold" in part}
        if message["To"] != ALERTED or told != {"alcohol"}:
            raise DemoError(f"the mail to {message['To']} reports {', '.join(told) or 'nothing'}")
        self.summary["mail"] = f"{message['Subject']}, to {message['To']}"

    def follow_event(self, event: dict[str, Any]) -> RunRow:
        """
        Wait for the run that an event starts, and for its end.

        :raises DemoError: it does not name its cause, or has not trained a better model.
        """
        self.summary["asset event"] = f"{event['name']}, window until {event['extra']['window_end']}"
        run_id = self.progress.wait(
            "a run of the event", lambda: self._run_of(event), timeout=EVENT_SECONDS, every=1
        )
        self.progress.line(f"the event has started {run_id}")
        row = self.training("after drift", run_id)
        freshness = self.stack.airflow.xcom(DAG_ID, run_id, "check_freshness")
        labels = dict(self.vertex.pipeline_job(row.pipeline_job).labels)
        if (freshness["trigger"], labels["trigger"]) != ("drift", "drift"):
            raise DemoError(f"run {run_id} does not say that it was started by drift: {freshness}, {labels}")
        if [cause["window_end"] for cause in freshness["drift"]] != [event["extra"]["window_end"]]:
            raise DemoError(
                f"run {run_id} was started by other windows than the event's: {freshness['drift']}"
            )
        (cause,) = freshness["drift"]
        told = ", ".join(
            f"{one['feature']} {one['distance']:.2f} ({one['objective']})" for one in cause["anomalies"]
        )
        self.progress.line(f"check_freshness: started by drift: {told}")
        self.progress.line(f"{row.pipeline_job} has the label trigger=drift")
        self.summary["cause"] = told
        self.summary["run"] = f"{run_id}, {row.seconds:.0f} s"
        self.summary["pipeline job"] = f"{row.pipeline_job}, trigger=drift"
        self.summary["evaluation"] = figures(row.metrics)
        return row

    def _run_of(self, event: dict[str, Any]) -> tuple[str, str | None]:
        self.stack.check()
        (found,) = self._events_of(event["source_run_id"])
        started = [run["run_id"] for run in found["created_dagruns"] if run["dag_id"] == DAG_ID]
        return "waiting for the scheduler", started[0] if started else None

    def compare_baselines(self, first: RunRow, second: RunRow) -> None:
        """
        Compare the baseline of the monitoring job with the training data of the new model.

        :raises DemoError: it is another job, monitors another model, or has kept its baseline.
        """
        self.compare(first, second)
        trained = self.stack.airflow.xcom(DAG_ID, second.run_id, "train")["training_examples"]
        uris = baseline(self.vertex.monitoring_job(second.monitoring_job))
        self.progress.line(f"training data of the objective: {uris}")
        if not all(uri.startswith(trained) for uri in uris):
            raise DemoError(f"the baseline is {uris}, but the model was trained on {trained}")
        self.summary["monitoring baseline"] = ", ".join(uris)


def baseline(job: Any) -> list[str]:
    """Return the ``gs://`` patterns of the training data that a monitoring job compares with."""
    return [
        uri
        for config in job.model_deployment_monitoring_objective_configs
        for uri in config.objective_config.training_dataset.gcs_source.uris
    ]


def run_demo(root: Path) -> None:
    """
    Run the demo with its own empty state, and always stop every process.

    :param root: folder of the stack.
    """
    with MailSink() as mail:
        host, port = mail.address
        settings = DriftSettings(root=root, smtp=f"{host}:{port}")
        demo = DriftDemo(settings, mail)
        with fresh(root, demo.progress.line):
            settings.write_dags(configure)
            settings.activate()
            with stopping(demo.stack):
                demo.run()


if __name__ == "__main__":
    sys.exit(guarded("make demo-drift", lambda: run_demo(LOCAL / "demo-drift")))
