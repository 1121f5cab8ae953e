"""What must be true after each case, read with Google's clients and from the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import psutil
from google.cloud import aiplatform_v1, bigquery

from dev.faults.stack import WINE
from localcloud.testing import eventually
from tests.faults.bench import Bench, FaultRun
from tests.support.flow import FLOW, ROLLED_OUT

SUCCEEDED = "PIPELINE_STATE_SUCCEEDED"
# of a run whose new model was found wanting in the first step
REJECTED = ROLLED_OUT | {
    **dict.fromkeys(FLOW[FLOW.index("verify_10") + 1 :], "upstream_failed"),
    "verify_10": "failed",
    "roll_back": "success",
}
# what is told to end has this long for it
ORPHAN_SECONDS = 20


def violations(bench: Bench, run: FaultRun, *, rejected: bool) -> list[str]:
    """
    Name everything that is not as it must be after a run.

    :param rejected: whether it must have left the previous champion, instead of a new one.
    """
    new = None if rejected else run.xcom("deploy")
    return [
        *_of_tasks(run, REJECTED if rejected else ROLLED_OUT),
        *_of_pipeline_jobs(bench, run),
        *_of_versions(bench, run, rejected=rejected),
        *_of_serving(bench, new["deployed_model_id"] if new else bench.champion.deployed_model_id),
        *_of_rows(bench),
        *_of_processes(bench),
    ]


def _of_tasks(run: FaultRun, wanted: dict[str, str]) -> Iterator[str]:
    if run.states != wanted:
        yield f"tasks are {run.states}"


def _of_pipeline_jobs(bench: Bench, run: FaultRun) -> Iterator[str]:
    version = str(run.xcom("check_freshness")["data_version"])
    jobs = [(job.name, job.labels["data_version"], job.state.name) for job in bench.new_jobs()]
    if jobs != [(run.xcom("train")["name"], version, SUCCEEDED)]:
        yield f"not one pipeline job of {version} that did the work: {jobs}"


def _of_versions(bench: Bench, run: FaultRun, *, rejected: bool) -> Iterator[str]:
    uploaded = run.xcom("upload")["model_version"]
    versions = bench.vertex.model_versions(uploaded)
    before = bench.champion.model_version
    if (made := versions.keys() - bench.champion.versions) != {uploaded}:
        yield f"versions {sorted(made)} were made, upload returned {uploaded}"
    champion, previous = (before, bench.champion.previous) if rejected else (uploaded, before)
    found = {alias: name for name, version in versions.items() for alias in version.version_aliases}
    if (found["champion"], found.get("previous")) != (champion, previous):
        yield f"the aliases are {found}, champion before the case was {before}"


def _of_serving(bench: Bench, serving: str) -> Iterator[str]:
    options = {"api_endpoint": bench.vertex.host}
    endpoints = list(
        aiplatform_v1.EndpointServiceClient(client_options=options).list_endpoints(parent=bench.vertex.parent)
    )
    if [endpoint.name for endpoint in endpoints] != [bench.endpoint]:
        yield f"endpoints: {[endpoint.name for endpoint in endpoints]}, not {bench.endpoint}"
    for endpoint in endpoints:
        traffic = {id_: share for id_, share in endpoint.traffic_split.items() if share}
        if traffic != {serving: 100}:
            yield f"traffic goes to {traffic}, not to {serving}"
        if (deployed := [model.id for model in endpoint.deployed_models]) != [serving]:
            yield f"deployed are {deployed}, not {serving}"
    client = aiplatform_v1.JobServiceClient(client_options=options)
    jobs = list(client.list_model_deployment_monitoring_jobs(parent=bench.vertex.parent))
    if [job.name for job in jobs] != [bench.monitoring_job]:
        yield f"monitoring jobs: {[job.name for job in jobs]}, not {bench.monitoring_job}"
    for job in jobs:
        watched = [config.deployed_model_id for config in job.model_deployment_monitoring_objective_configs]
        if watched != [serving] or job.state.name != "JOB_STATE_RUNNING":
            yield f"{job.name} is {job.state.name} and watches {watched}"


def _of_rows(bench: Bench) -> Iterator[str]:
    client = bigquery.Client(project=bench.settings.cloud.project)
    table = bench.settings.table(WINE)
    (row,) = client.query(f"SELECT COUNT(*) AS n FROM `{table}`").result()
    if {row["n"], client.get_table(table).num_rows} != {bench.rows}:
        yield f"{table} holds {row['n']} rows, not {bench.rows}"


def _of_processes(bench: Bench) -> Iterator[str]:
    try:
        eventually(lambda: _orphans(bench), lambda orphans: not orphans, ORPHAN_SECONDS, every=0.5)
    except AssertionError as error:
        yield f"processes that nobody looks after: {error}"


def _orphans(bench: Bench) -> dict[int, str]:
    """Return the title by pid of each process of the stack that no running component has started."""
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
    """Find the processes by their environment: localcloud's children are in sessions of their own."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("LOCALCLOUD_WORKER", "").partition("#")[0] == state:
                yield process
