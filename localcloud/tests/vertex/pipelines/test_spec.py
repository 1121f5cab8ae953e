"""How localcloud parses a compiled pipeline."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import InvalidArgument

from localcloud.vertex.pipelines.spec import parse

from .specs import Pipeline


def test_of_tasks_that_can_run_at_once_the_one_with_the_longest_chain_behind_it_comes_first():
    pipeline = (
        Pipeline()
        .container("Baseline", after=["Examples"])
        .container("Statistics", after=["Examples"])
        .container("Validator", after=["Statistics"])
        .container("Examples")
        .container("Trainer", after=["Validator"])
        .container("Evaluator", after=["Baseline", "Trainer"])
    )

    tasks = list(parse(pipeline.spec).tasks)

    # only the Evaluator runs after Baseline and Trainer
    assert [task for task in tasks if task != "Baseline"] == [
        *("Examples", "Statistics", "Validator", "Trainer", "Evaluator")
    ]
    assert tasks.index("Statistics") < tasks.index("Baseline") < tasks.index("Evaluator")


@pytest.mark.parametrize("parameters", ["", ["wine"], {"wine": "STRING"}, {"wine": None}])
def test_parameters_that_are_no_definitions_are_malformed(parameters: object):
    spec = Pipeline().container("Examples").spec
    root = {**spec["root"], "inputDefinitions": {"parameters": parameters}}

    with pytest.raises(InvalidArgument, match=r"^400 Invalid pipeline_spec: "):
        parse({**spec, "root": root})
