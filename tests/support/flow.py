"""The tasks of ``wine_retraining_...`` in the order of the flow."""

from __future__ import annotations

DATA = ["check_freshness", "check_data"]
STEPS = [f"{kind}_{percent}" for percent in (10, 50, 100) for kind in ("traffic", "verify")]
ROLLOUT = ["upload", "deploy", *STEPS, "promote"]
WATCH = ["monitor", "monitor_settled"]
# only what no monitoring job names any more is undeployed
RETIRE = "retire"
# tasks of a run that rolls out a better model
FLOW = [*DATA, "train", "gate", *ROLLOUT, *WATCH, RETIRE]
# runs after train in any case, unless check_freshness has skipped everything
TEARDOWN = "cancel"
# if one of them fails, the model is undeployed: clearing it means to deploy again
DEPLOYED = [*STEPS, "promote"]
# only runs if a step of the rollout has failed
ROLL_BACK = "roll_back"
TASKS = [*FLOW, TEARDOWN, ROLL_BACK]
# a run that ends with a new model, none of whose steps has failed
ROLLED_OUT = dict.fromkeys([*FLOW, TEARDOWN], "success") | {ROLL_BACK: "skipped"}
