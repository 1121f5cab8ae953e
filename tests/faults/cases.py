"""What goes wrong, and when: the cases of the fault suite."""

from __future__ import annotations

from dataclasses import dataclass

from vertex_mlops.rollout.probe import most_requests

from dev.stack.stack import LOCALCLOUD
from localcloud.gateway.faults import Fault
from tests.support.flow import ROLL_BACK

# a call that is held gives the suite this long to kill something meanwhile
HOLD_SECONDS = 10.0

SUBMIT = "PipelineService.CreatePipelineJob"
UPLOAD = "ModelService.UploadModel"
DEPLOY = "EndpointService.DeployModel"
SHIFT = "EndpointService.UpdateEndpoint"
PREDICT = "PredictionService.RawPredict"
PROMOTE = "ModelService.MergeVersionAliases"
UNDEPLOY = "EndpointService.UndeployModel"
UPDATE = "JobService.UpdateModelDeploymentMonitoringJob"

WORKER, RUNNER, SUPERVISOR = "worker", "runner", "supervisor"
# who acts, and who is acted on
ACTORS = (WORKER, LOCALCLOUD)
AIRFLOW = (*ACTORS, "scheduler", "api-server")
# a triggerer has nothing to do but to wait for the pipeline
ALL = (*AIRFLOW, "triggerer")
# verify asks so often for the answer of a model with 10 % of the traffic
REFUSALS = most_requests(10)
# of a task
TRIES = 3


def held(method: str) -> Fault:
    """Return a fault by which the call waits, and fails without being carried out."""
    return Fault(method, latency=HOLD_SECONDS, code="UNAVAILABLE")


def late(method: str) -> Fault:
    """Return a fault by which the call waits, and is carried out, whether or not its caller still lives."""
    return Fault(method, latency=HOLD_SECONDS)


@dataclass(frozen=True)
class Moment:
    """
    A place in the DAG's work that the suite can stop at.

    :param name: part of the case's name.
    :param task: the task that is at work.
    :param faults: the moment is there when all of them have happened, the last one to a call that it holds;
        if there are none, it is there when the task is deferred and its pipeline is in the middle.
    :param victims: what is killed then, each in a case of its own.
    """

    name: str
    task: str
    faults: tuple[Fault, ...] = ()
    victims: tuple[str, ...] = ACTORS


DEFERRED = Moment("deferred", "train", victims=tuple(victim for victim in ALL if victim != WORKER))
# the job is made, nobody hears of it, and the second attempt is held
AFTER_SUBMIT = Moment(
    "after-submit",
    "train",
    (Fault(SUBMIT, drop=True), held(SUBMIT)),
    victims=(*ALL, RUNNER, SUPERVISOR),
)
MOMENTS = (
    Moment("before-submit", "train", (held(SUBMIT),)),
    Moment("submit-in-flight", "train", (late(SUBMIT),), victims=AIRFLOW),
    AFTER_SUBMIT,
    DEFERRED,
    Moment("upload", "upload", (late(UPLOAD),)),
    Moment("deploy", "deploy", (late(DEPLOY),), victims=AIRFLOW),
    Moment("traffic", "traffic_10", (late(SHIFT),)),
    Moment("verify", "verify_10", (held(PREDICT),), victims=AIRFLOW),
    Moment("promote", "promote", (late(PROMOTE),)),
    Moment("retire", "retire", (late(UNDEPLOY),)),
    Moment("monitor-update", "monitor", (late(UPDATE),), victims=AIRFLOW),
)
# the new model is rejected; after the rollback the champion has its traffic again
REJECTED = Moment(
    "roll-back",
    ROLL_BACK,
    (Fault(PREDICT, calls=REFUSALS, code="INVALID_ARGUMENT"), late(UNDEPLOY)),
)


@dataclass(frozen=True)
class Case:
    """
    One case.

    :param name: as ``make test-faults CASE=...`` takes it.
    :param faults: what localcloud does to the calls of the run.
    :param moment: when the victim is killed; None if nothing is killed.
    :param victim: a component of the stack, or a process of the task at work.
    :param crashes: whether a fault ends localcloud, which is started again.
    :param full: whether the pipeline trains, instead of replaying a training.
    :param rejected: whether the run ends with the previous champion, and red.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    moment: Moment | None = None
    victim: str = ""
    crashes: bool = False
    full: bool = False
    rejected: bool = False

    @property
    def in_the_middle(self) -> bool:
        """Return whether the pipeline must not end before the victim is killed."""
        return self.moment is not None and not self.moment.faults


_KILLS = [
    Case(f"{victim}-{moment.name}", moment.faults, moment, victim)
    for moment in MOMENTS
    for victim in moment.victims
]

_WAYS_BACK = [
    Case(f"{victim}-{REJECTED.name}", REJECTED.faults, REJECTED, victim, rejected=True)
    for victim in REJECTED.victims
]

_CRASHES = [
    Case("crash-after-submit", (Fault(SUBMIT, crash="after"),), crashes=True),
    Case("crash-after-deploy", (Fault(DEPLOY, crash="after"),), crashes=True),
    Case("crash-in-verify", (Fault(PREDICT, crash="before"),), crashes=True),
    # between the two aliases
    Case("crash-after-promote", (Fault(PROMOTE, crash="after"),), crashes=True),
    Case("crash-after-update", (Fault(UPDATE, crash="after"),), crashes=True),
]

_STORMS = [
    Case(
        "storm-data",
        (Fault("bigquery.*", calls=3, code="UNAVAILABLE"), Fault("storage.*", calls=3, code="INTERNAL")),
    ),
    Case("storm-submit", (Fault(SUBMIT, calls=4, code="UNAVAILABLE"),)),
    Case("storm-poll", (Fault("PipelineService.GetPipelineJob", calls=8, code="UNAVAILABLE"),)),
    Case("storm-registry", (Fault("ModelService.*", calls=4, code="UNAVAILABLE"),)),
    Case("storm-deploy", (Fault("EndpointService.*", calls=4, code="UNAVAILABLE"),)),
    Case("storm-predict", (Fault("PredictionService.*", calls=4, code="UNAVAILABLE"),)),
    # longer than the task and its retries are patient for
    Case("storm-predict-long", (Fault(PREDICT, calls=TRIES * REFUSALS, code="UNAVAILABLE"),)),
    Case("storm-metrics", (Fault("MetricService.*", calls=4, code="UNAVAILABLE"),)),
    Case("storm-monitor", (Fault("JobService.*", calls=4, code="INTERNAL"),)),
    Case("lost-answers", (Fault(SUBMIT, drop=True), Fault(PREDICT, drop=True), Fault(UPDATE, drop=True))),
    Case(
        "lost-rollout",
        tuple(Fault(method, drop=True) for method in (UPLOAD, DEPLOY, SHIFT, PROMOTE, UNDEPLOY)),
    ),
    Case("latency", (Fault("*", calls=60, latency=1.0),)),
]

_FULL = [
    Case("full-localcloud-deferred", moment=DEFERRED, victim=LOCALCLOUD, full=True),
    Case("full-worker-after-submit", AFTER_SUBMIT.faults, AFTER_SUBMIT, WORKER, full=True),
]

CASES = [*_KILLS, *_WAYS_BACK, *_CRASHES, *_STORMS, *_FULL]
