"""What goes wrong, and when: the cases of the fault suite."""

from __future__ import annotations

from dataclasses import dataclass

from dev.stack import LOCALCLOUD
from localcloud.faults import Fault

# a call that is held gives the suite this long to kill something meanwhile
HOLD_SECONDS = 10.0

SUBMIT = "PipelineService.CreatePipelineJob"
PREDICT = "PredictionService.RawPredict"
DEPLOY = "EndpointService.DeployModel"
UPDATE = "JobService.UpdateModelDeploymentMonitoringJob"

WORKER, RUNNER, SUPERVISOR = "worker", "runner", "supervisor"


def held(method: str) -> Fault:
    """The call waits, and is answered with an error without being carried out."""
    return Fault(method, latency=HOLD_SECONDS, code="UNAVAILABLE")


def late(method: str) -> Fault:
    """The call waits, and is carried out, whether or not its caller still lives."""
    return Fault(method, latency=HOLD_SECONDS)


@dataclass(frozen=True)
class Moment:
    """
    A place in the DAG's work that the suite can stop at.

    :param name: part of the case's name.
    :param task: the task that is at work.
    :param faults: the moment is there when all of them have happened, the last one to a call that it holds;
        if there are none, it is there when the task is deferred and its pipeline is in the middle.
    """

    name: str
    task: str
    faults: tuple[Fault, ...] = ()


MOMENTS = (
    Moment("before-submit", "train", (held(SUBMIT),)),
    Moment("submit-in-flight", "train", (late(SUBMIT),)),
    # the job is made, nobody hears of it, and the second attempt is held
    Moment("after-submit", "train", (Fault(SUBMIT, drop=True), held(SUBMIT))),
    Moment("deferred", "train"),
    Moment("verify", "verify", (held(PREDICT),)),
    Moment("monitor-update", "monitor", (late(UPDATE),)),
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
    :param jobs: how many pipeline jobs there are in the end; more than one only if the pipeline itself fails.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    moment: Moment | None = None
    victim: str = ""
    crashes: bool = False
    full: bool = False
    jobs: int = 1

    @property
    def in_the_middle(self) -> bool:
        """Whether the pipeline must not end before the victim is killed."""
        return self.moment is not None and not self.moment.faults


def _kills() -> list[Case]:
    victims = (WORKER, "triggerer", "scheduler", "api-server", LOCALCLOUD)
    return [
        Case(f"{victim}-{moment.name}", moment.faults, moment, victim)
        for moment in MOMENTS
        for victim in victims
        # a deferred task has no worker
        if not (victim == WORKER and moment.name == "deferred")
    ]


def _half_kills() -> list[Case]:
    """One of the two processes that execute a task dies, the other lives on."""
    after_submit = next(moment for moment in MOMENTS if moment.name == "after-submit")
    return [
        Case(f"{victim}-{after_submit.name}", after_submit.faults, after_submit, victim)
        for victim in (RUNNER, SUPERVISOR)
    ]


_CRASHES = [
    Case("crash-after-submit", (Fault(SUBMIT, crash="after"),), crashes=True),
    Case("crash-after-deploy", (Fault(DEPLOY, crash="after"),), crashes=True),
    Case("crash-in-verify", (Fault(PREDICT, crash="before"),), crashes=True),
    Case("crash-after-update", (Fault(UPDATE, crash="after"),), crashes=True),
    Case("crash-in-undeploy", (Fault("EndpointService.UndeployModel", crash="after"),), crashes=True),
]

_STORMS = [
    Case(
        "storm-data",
        (Fault("bigquery.*", calls=3, code="UNAVAILABLE"), Fault("storage.*", calls=3, code="INTERNAL")),
    ),
    Case("storm-submit", (Fault(SUBMIT, calls=4, code="UNAVAILABLE"),)),
    Case("storm-poll", (Fault("PipelineService.GetPipelineJob", calls=8, code="UNAVAILABLE"),)),
    # TFX's Pusher gives up at the first error, so the pipeline fails
    Case("storm-deploy", (Fault("EndpointService.*", calls=4, code="UNAVAILABLE"),), jobs=2),
    Case("storm-predict", (Fault("PredictionService.*", calls=4, code="UNAVAILABLE"),)),
    # longer than one try is patient for
    Case("storm-predict-long", (Fault("PredictionService.*", calls=9, code="UNAVAILABLE"),)),
    Case("storm-monitor", (Fault("JobService.*", calls=4, code="INTERNAL"),)),
    Case("lost-answers", (Fault(SUBMIT, drop=True), Fault(PREDICT, drop=True), Fault(UPDATE, drop=True))),
    Case("lost-deployment", (Fault(DEPLOY, drop=True),), jobs=2),
    Case("latency", (Fault("*", calls=60, latency=1.0),)),
]

_FULL = [
    Case("full-localcloud-deferred", moment=MOMENTS[3], victim=LOCALCLOUD, full=True),
    Case("full-worker-after-submit", MOMENTS[2].faults, MOMENTS[2], WORKER, full=True),
]

CASES = [*_kills(), *_half_kills(), *_CRASHES, *_STORMS, *_FULL]
