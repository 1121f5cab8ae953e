"""When the windows of monitoring jobs are analysed: on schedule, and on request."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]

from localcloud.config import Settings
from localcloud.vertex.api.calls import now
from localcloud.vertex.monitoring.mail import send_alert
from localcloud.vertex.monitoring.records import Record
from localcloud.vertex.monitoring.state import settled
from localcloud.vertex.monitoring.windows import MonitoringWindows, Window, length_of
from localcloud.vertex.resources.store import ResourceStore

log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS = 2.0
_STOP_SECONDS = 5.0
_RUNNING: Any = v1.JobState.JOB_STATE_RUNNING
_ScheduleState: Any = v1.ModelDeploymentMonitoringJob.MonitoringScheduleState


class MonitoringSchedule:
    """
    Run the windows of all jobs on a thread of its own.

    Windows that were due while localcloud was down are skipped: the next start runs one, up to then.

    :param settings: where mail goes.
    :param store: keeps the jobs.
    :param windows: analyses one window.
    """

    def __init__(self, settings: Settings, store: ResourceStore, windows: MonitoringWindows) -> None:
        self._settings = settings
        self._store = store
        self._windows = windows
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._windows.clean()
        for job in self._store.find("modelDeploymentMonitoringJobs", v1.ModelDeploymentMonitoringJob):
            if job.schedule_state == _ScheduleState.RUNNING:
                self._end(job.name, status_pb2.Status(code=code_pb2.ABORTED, message="It was interrupted."))
        self._thread.start()

    def abandon(self) -> None:
        """Start no other window; ignore later failures, since localcloud stops."""
        self._stopping.set()

    def stop(self) -> None:
        """Start no other window, and wait a moment for the current one."""
        self.abandon()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def run_current(self, name: str) -> list[Record]:
        """
        Analyse the requests since the last window at once.

        :param name: name of the job.
        :raises google.api_core.exceptions.NotFound: there is no such job.
        :raises google.api_core.exceptions.FailedPrecondition: it does not run, or its window fails.
        """
        job = self._settled(self._store.get(name, v1.ModelDeploymentMonitoringJob))
        if job.state != _RUNNING:
            raise exceptions.FailedPrecondition(
                f"ModelDeploymentMonitoringJob {name} is in state {v1.JobState(job.state).name}:"
                " only a job in state JOB_STATE_RUNNING has windows."
            )
        try:
            return self._analyse(job, self._windows.current(job, now()))
        except Exception as error:
            raise exceptions.FailedPrecondition(str(error)) from error

    def _run(self) -> None:
        while not self._stopping.wait(_LONGEST_SLEEP_SECONDS):
            for job in self._due():
                cutoff: Any = now()
                try:
                    self._analyse(job, Window(cutoff - length_of(job), cutoff))
                except Exception as error:
                    if not self._stopping.is_set():
                        log.warning("a window of %s was not analysed: %s", job.name, error)

    def _settled(self, job: v1.ModelDeploymentMonitoringJob) -> v1.ModelDeploymentMonitoringJob:
        return settled(job, self._settings.monitoring_delay)

    def _due(self) -> list[v1.ModelDeploymentMonitoringJob]:
        jobs = self._store.find("modelDeploymentMonitoringJobs", v1.ModelDeploymentMonitoringJob)
        moment: Any = now()
        return [
            job
            for job in map(self._settled, jobs)
            if job.state == _RUNNING and job.next_schedule_time and job.next_schedule_time <= moment
        ]

    def _analyse(self, job: v1.ModelDeploymentMonitoringJob, window: Window) -> list[Record]:
        self._begin(job.name)
        status = status_pb2.Status()
        try:
            records = self._windows.analyse(job, window)
        except Exception as error:
            status = status_pb2.Status(code=code_pb2.INTERNAL, message=str(error))
            raise
        finally:
            if not self._stopping.is_set():
                self._end(job.name, status)
        send_alert(self._settings, job, records)
        return records

    def _begin(self, name: str) -> None:
        with self._store.transaction():
            job = self._store.get(name, v1.ModelDeploymentMonitoringJob)
            job.schedule_state = _ScheduleState.RUNNING
            self._store.put(name, job)

    def _end(self, name: str, status: status_pb2.Status) -> None:
        with self._store.transaction():
            if not self._store.exists(name):
                return
            job = self._store.get(name, v1.ModelDeploymentMonitoringJob)
            job.schedule_state = _ScheduleState.OFFLINE
            moment: Any = now()
            job.latest_monitoring_pipeline_metadata.run_time = moment
            job.latest_monitoring_pipeline_metadata.status = status
            if job.next_schedule_time and job.next_schedule_time <= moment:
                job.next_schedule_time = next_time(job, moment)
            self._store.put(name, job)


def next_time(job: v1.ModelDeploymentMonitoringJob, moment: datetime) -> Any:
    """Return when the next window of a job ends: whole intervals after the last one, and in the future."""
    interval: Any = job.model_deployment_monitoring_schedule_config.monitor_interval
    last: Any = job.next_schedule_time or moment
    return last + interval * ((moment - last) // interval + 1)
