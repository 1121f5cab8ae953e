"""A pipeline is deployed anew while a run is under way: the run stays with what it began with."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.exceptions import NoPreviousModelError, SpecError
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.operators.rollout.model_registry import GetPreviousModelVersionOperator
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job

from localcloud.testing import Cloud
from tests.plugins.operators.bigquery import wine_tables
from tests.plugins.operators.rollout.rollouts import SOUND, Rollout, await_jobs, serving
from tests.plugins.operators.served_models import Endpoint
from tests.plugins.runs.pipelines import compiled
from tests.support.task_context import context_of

CONNECTION = ("google_cloud_default", None)


@pytest.fixture
def more_known(rollout: Rollout) -> dict[str, Any]:
    """Return the data contract of the wine, with an instance more."""
    contract = rollout.parts["data_contract"]
    return contract | {
        "known_instances": [contract["sample_instance"]],
        "known_examples": [contract["sample_example"]],
    }


@pytest.fixture
def close_renamed(rollout: Rollout) -> Iterator[None]:
    """Stop the model servers of the endpoint that a test makes under the other name."""
    yield
    request = {"parent": rollout.parent, "filter": f'display_name="{renamed(rollout)["name"]}"'}
    for endpoint in rollout.endpoints.list_endpoints(request=request):
        Endpoint(rollout.endpoints, None, endpoint.name).close()  # type: ignore[arg-type]


def renamed(rollout: Rollout) -> dict[str, Any]:
    """Return what is served under another name, by another machine."""
    return serving(f"{rollout.name}-new", machine_type="n1-standard-8")


def choose(rollout: Rollout) -> dict[str, Any]:
    """Return what the rollback DAG goes back to."""
    operator = GetPreviousModelVersionOperator(
        task_id="find_previous", pipeline_job_labels={"wine": rollout.name}, **rollout.place
    )
    return operator.execute(context_of(operator))


def test_a_run_submits_the_file_whose_contract_was_checked(
    cloud: Cloud, place: dict[str, str], bucket: Any, rollout: Rollout
) -> None:
    client = wine_tables.connect(cloud)
    pointer = bucket.blob(f"specs/{uuid.uuid4()}.json")
    first = deploy(bucket, pointer, compiled(**rollout.parts))
    table_id = wine_tables.maker(client)(wine_tables.SOUND)

    checked = wine_tables.check(client, f"gs://{bucket.name}/{pointer.name}", table_id)
    second = deploy(bucket, pointer, compiled(**rollout.parts | {"serving": renamed(rollout)}))
    job = train(place, checked["template_path"])

    assert checked["template_path"] == first != second
    assert part_of_job(ServingSpec, job).name == rollout.name
    again = wine_tables.check(client, f"gs://{bucket.name}/{pointer.name}", table_id)
    assert again["template_path"] == second


def deploy(bucket: Any, pointer: Any, content: dict[str, Any]) -> str:
    """Upload a compiled pipeline under a name of its own, and let the pointer name it."""
    blob = bucket.blob(f"specs/{uuid.uuid4()}.json")
    blob.upload_from_string(json.dumps(content), if_generation_match=0)
    uri = f"gs://{bucket.name}/{blob.name}"
    pointer.upload_from_string(json.dumps({"spec": uri}))
    return uri


def train(place: dict[str, str], template_path: str) -> aiplatform_v1.PipelineJob:
    """Run the pipeline job of a compiled file."""
    operator = RunPipelineJobOnceOperator(
        task_id="train",
        display_name="wine",
        template_path=template_path,
        pipeline_root="gs://plugins/root",
        parameter_values={"input_config": "{}"},
        poll_interval=0.2,
        **place,  # type: ignore[arg-type]
    )
    result = operator.execute(context_of(operator))
    return read_pipeline_job(result["name"], *CONNECTION)


def test_a_pointer_to_a_file_that_is_gone_names_both(cloud: Cloud, bucket: Any, rollout: Rollout) -> None:
    pointer = bucket.blob(f"specs/{uuid.uuid4()}.json")
    gone = deploy(bucket, pointer, compiled(**rollout.parts))
    bucket.blob(gone.removeprefix(f"gs://{bucket.name}/")).delete()

    with pytest.raises(SpecError, match=rf"{gone}, which gs://{bucket.name}/{pointer.name} names: no such"):
        wine_tables.check(wine_tables.connect(cloud), f"gs://{bucket.name}/{pointer.name}", "any", 1)


def test_a_sound_model_is_verified_by_the_known_instances_of_its_own_job(
    rollout: Rollout, more_known: dict[str, Any]
) -> None:
    deployed = rollout.deploy(rollout.upload("sound"))
    traffic = rollout.shift(deployed, 100)

    rollout.parts["data_contract"] = more_known
    before = rollout.verify(deployed, traffic, "sound")
    rollout.results["sound-again"] = rollout.outcome("sound-again", known_answers=[SOUND, SOUND])
    deployed = rollout.deploy(rollout.upload("sound-again"))
    after = rollout.verify(deployed, rollout.shift(deployed, 100), "sound-again")

    assert (len(before["predictions"]), len(after["predictions"])) == (1, 2)


@pytest.mark.parametrize("answers", [[SOUND], [SOUND, SOUND, SOUND]], ids=["less", "more"])
def test_a_job_that_has_answered_another_number_of_instances_is_refused_in_a_line(
    rollout: Rollout, more_known: dict[str, Any], answers: list[dict[str, float]]
) -> None:
    rollout.parts["data_contract"] = more_known
    rollout.results["sound"] = rollout.outcome("sound", known_answers=answers)
    deployed = rollout.deploy(rollout.upload("sound"))
    traffic = rollout.shift(deployed, 100)

    with pytest.raises(SpecError, match=rf"has {len(answers)} known_answers, and its data contract 2 known"):
        rollout.verify(deployed, traffic, "sound")


def test_a_rollout_goes_on_at_its_own_endpoint_and_is_rolled_back_there(rollout: Rollout) -> None:
    champion = rollout.crown("sound")
    rollout.results["other"] = rollout.outcome("other")

    rollout.parts["serving"] = renamed(rollout)
    new = rollout.deploy(rollout.upload("other"))
    rollout.shift(new, 50)
    (machine,) = {
        one.dedicated_resources.machine_spec.machine_type for one in rollout.endpoint().deployed_models
    }
    outcome = rollout.roll_back(new["model_version"])

    assert new["endpoint"] == champion["endpoint"]
    assert machine == "n1-standard-2"
    assert outcome["champion_id"] == champion["deployed_model_id"]
    assert rollout.traffic == {champion["deployed_model_id"]: 100}
    assert rollout.deployed == {champion["deployed_model_id"]}


def test_the_way_back_by_hand_is_that_of_the_model_that_serves(rollout: Rollout) -> None:
    first, second = rollout.crown("sound"), rollout.crown("other")
    rollout.parts["serving"] = renamed(rollout)
    # a job with the other name whose model is not blessed, so that none is registered
    rollout.outcome("named")
    await_jobs(rollout)

    chosen = choose(rollout)

    assert chosen["model_version"] == rollout.numbered(first["model_version"])
    assert chosen["left"] == rollout.numbered(second["model_version"])
    assert chosen["pipeline_job"] == chosen["pipeline_result"]["name"]
    assert (
        chosen["pipeline_job"].rpartition("/")[2] == rollout.job_of(first["model_version"]).rpartition("/")[2]
    )


@pytest.mark.usefixtures("close_renamed")
def test_the_first_champion_of_another_name_has_nowhere_to_go_back_to(rollout: Rollout) -> None:
    rollout.crown("sound")
    rollout.crown("other")
    rollout.parts["serving"] = renamed(rollout)
    rollout.results["named"] = rollout.outcome("named")
    deployed = rollout.deploy(rollout.upload("named"))
    rollout.shift(deployed, 100)
    rollout.promote(deployed["model_version"], endpoint_name=deployed["endpoint"])
    await_jobs(rollout)

    with pytest.raises(NoPreviousModelError, match=rf"{rollout.name}-new has the alias 'previous'"):
        choose(rollout)


def test_without_a_champion_there_is_nowhere_to_go_back_to(rollout: Rollout) -> None:
    rollout.upload("sound")
    await_jobs(rollout)

    with pytest.raises(NoPreviousModelError, match=rf"{rollout.name} has the alias 'champion'"):
        choose(rollout)


def test_without_a_job_there_is_nowhere_to_go_back_to(rollout: Rollout) -> None:
    with pytest.raises(
        NoPreviousModelError, match=r"no pipeline job with the labels .* contains a serving spec"
    ):
        choose(rollout)


def test_a_job_gives_back_the_contract_that_it_was_compiled_with(rollout: Rollout) -> None:
    job = read_pipeline_job(rollout.outcome("sound")["name"], *CONNECTION)

    assert part_of_job(DataContract, job) == DataContract.model_validate(rollout.parts["data_contract"])
    assert part_of_job(ServingSpec, job) == ServingSpec.model_validate(rollout.parts["serving"])


def test_a_job_that_is_gone_is_named(rollout: Rollout) -> None:
    name = f"{rollout.parent}/pipelineJobs/gone-{rollout.name}"

    with pytest.raises(SpecError, match=f"{name}: no such pipeline job") as raised:
        read_pipeline_job(name, *CONNECTION)
    assert isinstance(raised.value.__cause__, NotFound)
