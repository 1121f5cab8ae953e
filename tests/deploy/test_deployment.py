"""A deployment for real, but for Google's side: gcloud is a program that writes down how it was called."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from deploy.composer import specs
from tests.deploy.checkouts import Checkout

# checks the DAGs and compiles two pipelines, each in an interpreter of its own
pytestmark = [pytest.mark.timeout(1300), pytest.mark.usefixtures("composer_packages")]

BUCKET = "gs://europe-west1-wine-mlops-bucket"
RECORD = "gs://wine-mlops-dev-pipelines/deployed/wine-mlops.txt"
PLUGINS = "gs://wine-mlops-dev-pipelines/deployed/wine-mlops-plugins.txt"
UPDATE = ["gcloud", "composer", "environments", "update"]
VARIABLES = {
    "WINE_PROJECT": "wine-mlops-dev",
    "WINE_REGION": "europe-west1",
    "WINE_BUCKET": "wine-mlops-dev-pipelines",
    "WINE_SERVICE_ACCOUNT": "wine-pipeline@wine-mlops-dev.iam.gserviceaccount.com",
}


@dataclass
class Deployed:
    """
    A clone that was deployed twice, the second time with another commit.

    :param checkout: the clone.
    :param first: calls of gcloud during the first deployment.
    :param second: calls during the second.
    :param output: what the second one printed.
    """

    checkout: Checkout
    first: list[list[str]]
    second: list[list[str]]
    output: str


@pytest.fixture(scope="module")
def deployed(make_checkout: Callable[[], Checkout], composer_packages: None) -> Deployed:
    """Deploy a clone; then again, after a commit to its documentation and with a DAG file less."""
    checkout = make_checkout()
    spare = checkout.folder / "dags" / "spare.md"
    spare.write_text("gone in the second deployment")
    checkout.commit()
    checkout.recorder.put(f"{BUCKET}/dags/airflow_monitoring.py")
    # what lies about must not be shipped
    (checkout.folder / "dags" / "__pycache__").mkdir()
    (checkout.folder / "dags" / "__pycache__" / "old.pyc").write_bytes(b"")
    calls = []
    for revision in ("first", "second"):
        checkout.recorder.forget()
        with pytest.MonkeyPatch.context() as patch:
            # the pipeline's environment is this repository's, and would ask it for the revision
            patch.setenv("WINE_GIT_REVISION", revision)
            done = checkout.run("deploy", "dev")
        assert done.returncode == 0, done.stdout + done.stderr
        calls.append(checkout.recorder.calls)
        spare.unlink(missing_ok=True)
        (checkout.folder / "README.md").write_text("changed")
        checkout.git("commit", "--all", "--allow-empty", "--quiet", "--message", "change")
    first, second = calls
    return Deployed(checkout, first, second, done.stdout)


def test_the_steps_come_in_their_order(deployed: Deployed) -> None:
    assert [call[1:4] for call in deployed.first] == [
        ["composer", "environments", "describe"],
        ["storage", "ls", f"{BUCKET}/plugins/**"],
        ["storage", "ls", f"{BUCKET}/dags/**"],
        ["storage", "cat", RECORD],
        ["artifacts", "docker", "images"],
        ["builds", "submit", ".local/deploy/dev/image"],
        ["artifacts", "docker", "images"],
        ["artifacts", "docker", "images"],
        ["builds", "submit", "--no-source"],
        ["artifacts", "docker", "images"],
        ["storage", "cp", ".local/deploy/dev/specs/wine-white.json"],
        ["storage", "cp", ".local/deploy/dev/specs/wine-red.json"],
        ["composer", "environments", "update"],
        ["storage", "cp", ".local/deploy/dev/deployed.txt"],
        ["storage", "rsync", ".local/deploy/dev/plugins"],
        ["storage", "rsync", ".local/deploy/dev/dags"],
        ["storage", "cp", ".local/deploy/dev/pointers/wine-white.json"],
        ["storage", "cp", ".local/deploy/dev/pointers/wine-red.json"],
        ["storage", "cat", PLUGINS],
        ["beta", "composer", "environments"],
        ["storage", "cp", ".local/deploy/dev/plugins.txt"],
    ]
    assert deployed.first[-2][4:6] == ["restart-web-server", "wine-mlops"]


def test_doing_it_again_builds_no_image_and_updates_no_environment(deployed: Deployed) -> None:
    assert [call[1:4] for call in deployed.second] == [
        ["composer", "environments", "describe"],
        ["storage", "ls", f"{BUCKET}/plugins/**"],
        ["storage", "ls", f"{BUCKET}/dags/**"],
        ["storage", "cat", RECORD],
        ["artifacts", "docker", "images"],
        ["artifacts", "docker", "images"],
        ["storage", "cp", ".local/deploy/dev/specs/wine-white.json"],
        ["storage", "cp", ".local/deploy/dev/specs/wine-red.json"],
        ["storage", "cp", ".local/deploy/dev/deployed.txt"],
        ["storage", "rsync", ".local/deploy/dev/plugins"],
        ["storage", "rsync", ".local/deploy/dev/dags"],
        ["storage", "cp", ".local/deploy/dev/pointers/wine-white.json"],
        ["storage", "cp", ".local/deploy/dev/pointers/wine-red.json"],
        ["storage", "cat", PLUGINS],
    ]
    assert "# the web server already runs with these plugins\n" in deployed.output
    assert "# the packages match deploy/composer/requirements.txt\n" in deployed.output
    assert "# the variables are already set\n" in deployed.output
    assert deployed.output.endswith("# done: https://airflow.example\n")


def test_the_environment_gets_the_variables_that_the_dags_read(deployed: Deployed) -> None:
    update = next(call for call in deployed.first if call[:4] == UPDATE)

    flag = next(part for part in update if part.startswith("--update-env-variables="))
    assert dict(pair.split("=") for pair in flag.partition("=")[2].split(",")) == VARIABLES


def test_every_task_of_the_compiled_pipelines_and_the_model_server_name_a_digest(deployed: Deployed) -> None:
    image, serving_image = (
        f"{listed['package']}@{listed['version']}" for listed in deployed.checkout.recorder.images
    )

    for wine in ("white", "red"):
        spec = json.loads(
            (deployed.checkout.folder / f".local/deploy/dev/specs/wine-{wine}.json").read_text()
        )
        executors = spec["pipelineSpec"]["deploymentSpec"]["executors"].values()
        images = {executor["container"]["image"] for executor in executors if "container" in executor}
        assert images == {image}
        assert spec["serving"]["container_spec"]["image_uri"] == serving_image
        assert serving_image.startswith(
            "europe-west1-docker.pkg.dev/wine-mlops-dev/wine-mlops/tensorflow-serving@"
        )


def test_each_deployment_leaves_the_files_before_as_they_are_and_switches_new_runs(
    deployed: Deployed,
) -> None:
    bucket = f"gs://{VARIABLES['WINE_BUCKET']}"
    there = deployed.checkout.recorder.contents

    for wine in ("white", "red"):
        uploads = [
            [call[-2] for call in calls if call[-1] == "--no-clobber" and f"wine-{wine}/" in call[-2]]
            for calls in (deployed.first, deployed.second)
        ]
        ((first,), (second,)) = uploads
        # each names the revision that it was compiled from
        assert first != second
        for uri in (first, second):
            digest = specs.digest_of(there[uri].encode())
            assert uri == f"{bucket}/{specs.spec_name(wine, digest)}"
        assert json.loads(there[f"{bucket}/{specs.pointer_name(wine)}"]) == {"spec": second}


def test_only_what_git_knows_is_shipped(deployed: Deployed) -> None:
    build = deployed.checkout.folder / ".local" / "deploy" / "dev"

    shipped = {str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()}

    tracked = set(deployed.checkout.git("ls-files", "dags", "plugins").splitlines())
    contract = ("plugins/vertex_mlops/__init__.py", "plugins/vertex_mlops/contract")
    sources = deployed.checkout.git("ls-files", "pipeline", *contract).splitlines()
    image = {f"image/{name}" for name in sources}
    assert shipped == tracked | image | {
        "deployed.txt",
        "plugins.txt",
        "specs/wine-white.json",
        "specs/wine-red.json",
        "pointers/wine-white.json",
        "pointers/wine-red.json",
    }
    # the DAG does not load without the texts that its tasks show
    assert shipped > {"dags/.airflowignore", "dags/docs/train.md", "dags/docs/wine_retraining.md"}
    assert not any("__pycache__" in name or ".venv" in name for name in shipped)


def test_an_environment_with_dags_of_others_is_left_alone_and_they_are_named(checkout: Checkout) -> None:
    checkout.recorder.put(
        f"{BUCKET}/dags/airflow_monitoring.py", f"{BUCKET}/dags/sales.py", f"{BUCKET}/plugins/sales/hook.py"
    )
    there = checkout.recorder.objects

    done = checkout.run("deploy", "dev")

    assert done.returncode == 1
    assert done.stderr == (
        f"deploy: {BUCKET} contains files not deployed from here, which a sync would delete: "
        "dags/sales.py, plugins/sales/hook.py; remove them, or deploy to a separate environment\n"
    )
    assert {call[2] for call in checkout.recorder.calls} <= {"environments", "ls", "cat"}
    assert checkout.recorder.objects == there


def test_a_dag_that_does_not_load_stops_it_before_anything_is_touched(checkout: Checkout) -> None:
    dag = checkout.folder / "dags" / "wine_retraining.py"
    dag.write_text(dag.read_text() + "\nimport localcloud\n")

    done = checkout.run("deploy", "dev")

    assert done.returncode == 1
    assert (
        "deploy-check: wine_retraining.py: ModuleNotFoundError: No module named 'localcloud'\n" in done.stderr
    )
    assert done.stderr.splitlines()[-1].startswith("deploy: failed with exit code 1: ")
    assert done.stderr.splitlines()[-1].endswith("-m deploy.composer.check dev")
    assert checkout.recorder.calls == []


def test_prod_takes_no_uncommitted_changes(checkout: Checkout) -> None:
    (checkout.folder / "README.md").write_text("changed")

    done = checkout.run("deploy", "prod", "--yes")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "deploy: prod accepts only committed changes: commit or stash yours first\n"
    assert checkout.recorder.calls == []


def test_prod_is_not_deployed_to_without_a_yes(checkout: Checkout) -> None:
    done = checkout.run("deploy", "prod")

    assert done.returncode == 1
    assert done.stdout == "Deploy to wine-mlops-prod? Type prod to continue: "
    assert done.stderr == "deploy: nothing was changed\n"
    assert checkout.recorder.calls == []


def test_a_command_that_fails_ends_the_deployment_with_its_name(checkout: Checkout) -> None:
    checkout.recorder.fail("builds submit")

    done = checkout.run("deploy", "dev")

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("deploy: failed with exit code 1: gcloud builds submit .local/deploy/dev/image ")
    assert checkout.recorder.calls[-1][1:3] == ["builds", "submit"]


def test_an_unknown_environment_is_named(checkout: Checkout) -> None:
    done = checkout.run("deploy", "staging")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "deploy: staging: no such environment in deploy/environments.yaml: dev, prod\n"
