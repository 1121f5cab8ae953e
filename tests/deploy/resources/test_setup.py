"""Setting up again makes nothing twice; gcloud and bq are programs that write down how they were called."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from deploy.environments import SERVING_IMAGE
from tests.deploy.checkouts import Checkout
from tests.support.repository import REPOSITORY


def made(calls: list[list[str]]) -> list[str]:
    """Return what was created; to ask for a service agent again makes none."""
    return [
        " ".join(call[:4])
        for call in calls
        if ("create" in call or "mk" in call) and call[1:4] != ["beta", "services", "identity"]
    ]


@pytest.fixture(scope="module")
def clone(make_checkout: Callable[[], Checkout]) -> Checkout:
    return make_checkout()


def test_what_exists_is_not_made_again(clone: Checkout) -> None:
    clone.recorder.fail()
    clone.recorder.forget()

    done = clone.run("deploy.resources.setup", "dev")

    assert done.returncode == 0, done.stderr
    assert made(clone.recorder.calls) == []
    assert done.stdout.count("# there already\n") == 9


def test_what_is_missing_is_made(clone: Checkout) -> None:
    clone.recorder.no_composer()
    clone.recorder.miss(
        "iam service-accounts describe",
        "storage buckets describe",
        "--project_id=wine-mlops-dev --location=europe-west1 show",
        "artifacts repositories describe",
        "iam roles describe",
    )
    clone.recorder.forget()

    done = clone.run("deploy.resources.setup", "dev")

    assert done.returncode == 0, done.stderr
    assert made(clone.recorder.calls) == [
        *["gcloud iam service-accounts create"] * 4,
        "gcloud storage buckets create",
        "bq --project_id=wine-mlops-dev --location=europe-west1 mk",
        "gcloud artifacts repositories create",
        "gcloud iam roles create",
        "gcloud composer environments create",
    ]


def test_every_role_is_granted_on_its_resource(clone: Checkout) -> None:
    clone.recorder.fail()
    clone.recorder.forget()

    assert clone.run("deploy.resources.setup", "dev").returncode == 0

    granted = [
        call for call in clone.recorder.calls if "add-iam-policy-binding" in call or "GRANT" in call[-1]
    ]
    assert len(granted) == 27
    assert [
        *("gcloud", "iam", "service-accounts", "add-iam-policy-binding"),
        "wine-pipeline@wine-mlops-dev.iam.gserviceaccount.com",
        "--project=wine-mlops-dev",
        "--member=serviceAccount:wine-composer@wine-mlops-dev.iam.gserviceaccount.com",
        "--role=roles/iam.serviceAccountUser",
    ] in granted
    assert [
        *("gcloud", "projects", "add-iam-policy-binding", "wine-mlops-dev"),
        "--condition=None",
        "--member=serviceAccount:wine-composer@wine-mlops-dev.iam.gserviceaccount.com",
        "--role=roles/monitoring.viewer",
    ] in granted
    assert granted[-1] == [
        *("gcloud", "storage", "buckets", "add-iam-policy-binding", "gs://europe-west1-wine-mlops-bucket"),
        "--project=wine-mlops-dev",
        "--member=serviceAccount:wine-deployer@wine-mlops-dev.iam.gserviceaccount.com",
        "--role=roles/storage.objectUser",
    ]


def test_vertex_ai_acts_as_an_account_that_is_there_before_the_first_pipeline_job(clone: Checkout) -> None:
    clone.recorder.fail()
    clone.recorder.forget()

    assert clone.run("deploy.resources.setup", "dev").returncode == 0

    calls = clone.recorder.calls
    begun = calls.index(
        [
            *("gcloud", "beta", "services", "identity", "create", "--service=aiplatform.googleapis.com"),
            "--project=wine-mlops-dev",
        ]
    )
    assert calls[begun + 1] == [
        *("gcloud", "projects", "add-iam-policy-binding", "wine-mlops-dev", "--condition=None"),
        "--role=roles/aiplatform.serviceAgent",
        "--member=serviceAccount:service-123456789012@gcp-sa-aiplatform.iam.gserviceaccount.com",
    ]
    assert calls[0][1:3] == ["services", "enable"]
    assert begun < min(calls.index(call) for call in calls if call[1:3] == ["composer", "environments"])


@pytest.mark.parametrize("location", ["EU", "europe-west4"])
def test_a_data_set_that_is_not_in_the_region_ends_it_with_the_reason(clone: Checkout, location: str) -> None:
    clone.recorder.fail()
    known = clone.recorder.folder / "dataset.json"
    known.write_text(json.dumps({"location": location}))

    done = clone.run("deploy.resources.setup", "dev")
    known.unlink()

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"deploy-setup: the data set wine-mlops-dev:wine_quality is in {location}, not in europe-west1: "
        "BigQuery runs a job where its data sets are, and does not match a region with a multi-region; "
        "recreate the data set in europe-west1"
    )


def test_a_worker_has_a_whole_processor_and_an_import_has_time(clone: Checkout) -> None:
    clone.recorder.no_composer()
    clone.recorder.fail()
    clone.recorder.forget()

    assert clone.run("deploy.resources.setup", "dev").returncode == 0

    (created,) = [call for call in clone.recorder.calls if "environments" in call and "create" in call]
    flags = dict(part.lstrip("-").split("=", 1) for part in created if "=" in part)
    assert float(flags["worker-cpu"]) >= 1
    assert float(flags["dag-processor-cpu"]) >= 1
    configs = dict(pair.split("=") for pair in flags["airflow-configs"].split(","))
    seconds = int(configs["core-dagbag_import_timeout"])
    # https://docs.cloud.google.com/composer/docs/airflow-configurations has these bounds
    assert 30 < seconds <= 600
    assert 50 < int(configs["dag_processor-dag_file_processor_timeout"]) <= seconds


def test_the_custom_role_has_the_permissions_that_are_written_down(clone: Checkout) -> None:
    clone.recorder.fail()
    clone.recorder.forget()

    assert clone.run("deploy.resources.setup", "dev").returncode == 0

    updates = [call for call in clone.recorder.calls if call[1:4] == ["iam", "roles", "update"]]
    assert [call[4:] for call in updates] == [
        [
            *("wineEnvironmentUpdater", "--project=wine-mlops-dev", "--title=wineEnvironmentUpdater"),
            "--permissions=composer.environments.get,composer.environments.update,composer.operations.get",
            "--stage=GA",
        ]
    ]


def test_what_may_not_be_looked_at_is_not_taken_for_missing(clone: Checkout) -> None:
    clone.recorder.fail("storage buckets describe")
    clone.recorder.forget()

    done = clone.run("deploy.resources.setup", "dev")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "ERROR: PERMISSION_DENIED: no",
        "deploy-setup: failed with exit code 1: "
        "gcloud storage buckets describe gs://wine-mlops-dev-pipelines --project=wine-mlops-dev",
    ]
    assert made(clone.recorder.calls) == []


def test_a_step_that_fails_ends_it_with_its_name(clone: Checkout) -> None:
    clone.recorder.fail("services enable")
    clone.recorder.forget()

    done = clone.run("deploy.resources.setup", "dev")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "deploy-setup: failed with exit code 1: gcloud services enable aiplatform.googleapis.com "
    )
    assert len(clone.recorder.calls) == 1


def test_the_triggers_of_dev_test_and_deploy_and_that_of_prod_waits_for_an_approval(
    checkout: Checkout,
) -> None:
    environments = checkout.folder / "deploy" / "environments.yaml"
    environments.write_text(environments.read_text().replace("github: null", "github: owner/name"))
    checkout.recorder.miss("builds triggers describe")
    created = {}
    for environment in ("dev", "prod"):
        checkout.recorder.forget()
        assert checkout.run("deploy.resources.setup", environment).returncode == 0
        for call in checkout.recorder.calls:
            if call[1:5] == ["builds", "triggers", "create", "github"]:
                created[call[5]] = call[6:]

    assert set(created) == {"--name=wine-pull-request", "--name=wine-deploy-dev", "--name=wine-deploy-prod"}
    pull_request = created["--name=wine-pull-request"]
    assert "--pull-request-pattern=^main$" in pull_request
    assert "--comment-control=COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY" in pull_request
    assert any(flag.endswith("/wine-tester@wine-mlops-dev.iam.gserviceaccount.com") for flag in pull_request)
    assert "--require-approval" not in created["--name=wine-deploy-dev"]
    assert "--require-approval" in created["--name=wine-deploy-prod"]
    assert "--substitutions=_ENV=prod" in created["--name=wine-deploy-prod"]


def test_artifacts_that_a_champion_needs_are_never_deleted() -> None:
    rules = json.loads((REPOSITORY / "deploy" / "resources" / "lifecycle.json").read_text())["rule"]

    deleted = [rule["condition"]["matchesPrefix"] for rule in rules if rule["action"]["type"] == "Delete"]
    assert deleted == [["tmp/", "builds/"]]


def test_the_newest_images_are_kept_however_old_they_are() -> None:
    policies = json.loads((REPOSITORY / "deploy" / "resources" / "image-cleanup.json").read_text())

    assert {policy["action"]["type"] for policy in policies} == {"Delete", "Keep"}
    newest, serving = (policy for policy in policies if policy["action"]["type"] == "Keep")
    assert newest["mostRecentVersions"] == {"keepCount": 10}
    # a version that is registered may be deployed again at any time
    assert serving["condition"] == {"tagState": "any", "packageNamePrefixes": [SERVING_IMAGE]}
