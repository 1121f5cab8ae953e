"""What must be true after each case, read with Google's clients and from the machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
from google.cloud import aiplatform_v1, bigquery

from dev.faults_stack import WINE
from tests.faults.bench import Bench, Run

DONE = {"check_freshness", "check_data", "train", "cancel", "verify", "monitor", "monitor_settled"}
SUCCEEDED = "PIPELINE_STATE_SUCCEEDED"
OVER = {SUCCEEDED, "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED"}
# what is told to end has this long for it
ORPHAN_SECONDS = 20


def violations(bench: Bench, run: Run, jobs: int) -> list[str]:
    """
    Name everything that is not as it must be after a run that has ended well.

    :param jobs: how many pipeline jobs it must have made.
    """
    return [
        *_of_tasks(run),
        *_of_pipeline_jobs(bench, run, jobs),
        *_of_serving(bench, run),
        *_of_rows(bench),
        *_of_processes(bench),
    ]


def _of_tasks(run: Run) -> Iterator[str]:
    bad = {task: state for task, state in run.states().items() if state != "success"}
    if bad:
        yield f"tasks that did not succeed: {bad}"
    if missing := DONE - run.states().keys():
        yield f"no such tasks: {sorted(missing)}"


def _of_pipeline_jobs(bench: Bench, run: Run, wanted: int) -> Iterator[str]:
    jobs = bench.new_jobs()
    version = str(run.xcom("check_freshness")["data_version"])
    if len(jobs) != wanted or {job.labels["data_version"] for job in jobs} != {version}:
        yield f"not {wanted} pipeline jobs of {version}: {[(job.name, dict(job.labels)) for job in jobs]}"
    states = {job.name.rpartition("/")[-1]: job.state.name for job in jobs}
    if list(states.values()).count(SUCCEEDED) != 1 or not set(states.values()) <= OVER:
        yield f"not exactly one pipeline job did the work: {states}"
    stems = {re.sub(r"(-[0-9a-f]{16})-\d+$", r"\1", job_id) for job_id in states}
    if len(stems) != 1:
        yield f"the pipeline jobs are not attempts of one run: {sorted(states)}"
    if run.xcom("train")["name"] not in [job.name for job in jobs if job.state.name == SUCCEEDED]:
        yield f"train returned {run.xcom('train')['name']}"


def _of_serving(bench: Bench, run: Run) -> Iterator[str]:
    options = {"api_endpoint": bench.vertex.host}
    endpoints = list(
        aiplatform_v1.EndpointServiceClient(client_options=options).list_endpoints(parent=bench.vertex.parent)
    )
    trained = run.xcom("train")
    if [endpoint.name for endpoint in endpoints] != [trained["endpoint"]]:
        yield f"endpoints: {[endpoint.name for endpoint in endpoints]}, trained for {trained['endpoint']}"
    for endpoint in endpoints:
        deployed = {model.id: model.model for model in endpoint.deployed_models}
        traffic = {id_: share for id_, share in endpoint.traffic_split.items() if share}
        if traffic != {trained["deployed_model_id"]: 100}:
            yield f"traffic goes to {traffic}, not to {trained['deployed_model_id']}"
        if deployed != {trained["deployed_model_id"]: trained["model"]}:
            yield f"deployed are {deployed}, but train knows {trained['deployed_model_id']}"
    client = aiplatform_v1.JobServiceClient(client_options=options)
    jobs = list(client.list_model_deployment_monitoring_jobs(parent=bench.vertex.parent))
    if [job.name for job in jobs] != [bench.monitoring_job]:
        yield f"monitoring jobs: {[job.name for job in jobs]}, not {bench.monitoring_job}"
    for job in jobs:
        watched = [config.deployed_model_id for config in job.model_deployment_monitoring_objective_configs]
        if watched != [trained["deployed_model_id"]] or job.state.name != "JOB_STATE_RUNNING":
            yield f"{job.name} is {job.state.name} and watches {watched}"


def _of_rows(bench: Bench) -> Iterator[str]:
    client = bigquery.Client(project=bench.settings.cloud.project)
    table = bench.settings.table(WINE)
    (row,) = client.query(f"SELECT COUNT(*) AS n FROM `{table}`").result()
    if {row["n"], client.get_table(table).num_rows} != {bench.rows}:
        yield f"{table} holds {row['n']} rows, not {bench.rows}"


def _of_processes(bench: Bench) -> Iterator[str]:
    deadline = time.monotonic() + ORPHAN_SECONDS
    while orphans := _orphans(bench):
        if time.monotonic() > deadline:
            yield f"processes that nobody looks after: {list(orphans.values())}"
            return
        time.sleep(0.5)


def _orphans(bench: Bench) -> dict[int, str]:
    """Title by pid of each process of the stack that no running component has started."""
    cared_for: set[int] = set()
    for leader in bench.stack.processes.running().values():
        cared_for |= {leader.pid, *(child.pid for child in leader.children(recursive=True))}
    found = {}
    for process in (*bench.stack.processes.members(), *_by_environment(str(bench.settings.cloud.state))):
        with suppress(psutil.NoSuchProcess):
            title = " ".join(process.cmdline()).strip()
            if process.pid in cared_for or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if title.endswith("LocalExecutor: <idle>"):
                # of a killed scheduler: Airflow leaves them to the service manager, whose part we play
                process.kill()
                continue
            found[process.pid] = title
    return found


def _by_environment(state: str) -> Iterator[psutil.Process]:
    """What localcloud has started is in sessions of its own."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("LOCALCLOUD_WORKER", "").partition("#")[0] == state:
                yield process
