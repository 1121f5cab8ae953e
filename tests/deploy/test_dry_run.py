"""A dry run prints every command, in order and quoted, and runs none; gcloud's own parser takes them all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.checkouts import Checkout
from tests.deploy.gcloud import commands_in, refused, require
from tests.support.repository import REPOSITORY

IMAGES = "europe-west1-docker.pkg.dev/wine-mlops-dev/wine-mlops"
WHERE = "--project=wine-mlops-dev --location=europe-west1"
DEPLOYER = "projects/wine-mlops-dev/serviceAccounts/wine-deployer@wine-mlops-dev.iam.gserviceaccount.com"
COMPILE = (
    "pipeline/.venv/bin/python -m wine_pipeline compile --project=wine-mlops-dev "
    f"--region=europe-west1 --bucket=wine-mlops-dev-pipelines --image={IMAGES}/wine-pipeline@sha256:DIGEST "
    f"--serving_image={IMAGES}/tensorflow-serving@sha256:DIGEST --wine=white --wine=red "
    "--output=.local/deploy/dev/specs/wine-white.json --output=.local/deploy/dev/specs/wine-red.json"
)
SYNC = "--recursive --delete-unmatched-destination-objects --checksums-only"
DEV = f"""\
# 1. Check the DAGs as Composer loads them
{{python}} -m deploy.composer.check dev

# 2. Read the Composer environment
gcloud composer environments describe wine-mlops {WHERE} --format=json
gcloud storage ls 'gs://COMPOSER_BUCKET/plugins/**'
gcloud storage ls 'gs://COMPOSER_BUCKET/dags/**'
gcloud storage cat gs://wine-mlops-dev-pipelines/deployed/wine-mlops.txt

# 3. Build and push the pipeline image, unless one exists for this code
gcloud artifacts docker images list {IMAGES} --include-tags --format=json
# only if no image has the tag {{tag}}:
gcloud builds submit .local/deploy/dev/image --config=deploy/cloudbuild/image.yaml --project=wine-mlops-dev \
--region=europe-west1 --service-account={DEPLOYER} \
--substitutions=_IMAGE={IMAGES}/wine-pipeline:{{tag}},_TARGET=worker \
--gcs-source-staging-dir=gs://wine-mlops-dev-pipelines/builds
gcloud artifacts docker images list {IMAGES} --include-tags --format=json

# 4. Copy TensorFlow Serving's image, unless it exists
gcloud artifacts docker images list {IMAGES} --include-tags --format=json
# only if no image has the tag 2.21.0:
gcloud builds submit --no-source --config=deploy/cloudbuild/serving.yaml --project=wine-mlops-dev \
--region=europe-west1 --service-account={DEPLOYER} \
--substitutions=_SOURCE=docker.io/tensorflow/serving:2.21.0,_IMAGE={IMAGES}/tensorflow-serving:2.21.0
gcloud artifacts docker images list {IMAGES} --include-tags --format=json

# 5. Compile the pipelines with the images' digests, and upload them next to the earlier ones
{COMPILE}
gcloud storage cp .local/deploy/dev/specs/wine-white.json \
gs://wine-mlops-dev-pipelines/specs/wine-white/DIGEST.json --no-clobber
gcloud storage cp .local/deploy/dev/specs/wine-red.json \
gs://wine-mlops-dev-pipelines/specs/wine-red/DIGEST.json --no-clobber

# 6. Set the environment's packages and variables, where they differ
# only if the packages differ from deploy/composer/requirements.txt:
gcloud composer environments update wine-mlops {WHERE} --clear-pypi-packages
# only those that differ:
gcloud composer environments update wine-mlops {WHERE} --update-env-variables=WINE_PROJECT=wine-mlops-dev,\
WINE_REGION=europe-west1,WINE_BUCKET=wine-mlops-dev-pipelines,\
WINE_SERVICE_ACCOUNT=wine-pipeline@wine-mlops-dev.iam.gserviceaccount.com

# 7. Upload dags/ and plugins/, and remove deleted files
gcloud storage cp .local/deploy/dev/deployed.txt gs://wine-mlops-dev-pipelines/deployed/wine-mlops.txt
gcloud storage rsync .local/deploy/dev/plugins gs://COMPOSER_BUCKET/plugins {SYNC}
gcloud storage rsync .local/deploy/dev/dags gs://COMPOSER_BUCKET/dags '--exclude=^airflow_monitoring\\.py$' \
{SYNC}

# 8. Switch new runs to these pipelines
gcloud storage cp .local/deploy/dev/pointers/wine-white.json \
gs://wine-mlops-dev-pipelines/specs/wine-white.json
gcloud storage cp .local/deploy/dev/pointers/wine-red.json \
gs://wine-mlops-dev-pipelines/specs/wine-red.json

# 9. Restart the web server, if plugins/ has changed
gcloud storage cat gs://wine-mlops-dev-pipelines/deployed/wine-mlops-plugins.txt
# only if plugins/ has changed since its start:
gcloud beta composer environments restart-web-server wine-mlops {WHERE}
gcloud storage cp .local/deploy/dev/plugins.txt gs://wine-mlops-dev-pipelines/deployed/wine-mlops-plugins.txt
# done: AIRFLOW_URI
"""


@pytest.fixture(scope="module")
def clone(make_checkout: Callable[[], Checkout]) -> Checkout:
    return make_checkout()


@pytest.fixture(scope="module")
def bare_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a PATH on which there is git, but no gcloud."""
    folder = tmp_path_factory.mktemp("bin")
    git = shutil.which("git")
    assert git
    (folder / "git").symlink_to(git)
    return str(folder)


def made_from(checkout: Checkout) -> str:
    """Return git's names of what the pipeline image is made from."""
    sources = ("pipeline", "plugins/vertex_mlops/__init__.py", "plugins/vertex_mlops/contract")
    return "-".join(checkout.git("rev-parse", "--short=12", f"HEAD:{source}") for source in sources)


def test_deploy_prints_every_command_and_runs_none(clone: Checkout, bare_path: str) -> None:
    done = clone.run("deploy", "dev", "--dry-run", path=bare_path)

    tag = f"worker-{made_from(clone)}"
    python = done.stdout.splitlines()[1].split()[0]
    assert done.returncode == 0, done.stderr
    assert done.stdout == DEV.format(python=python, tag=tag)
    assert clone.recorder.calls == []
    assert not (clone.folder / ".local").exists()


def test_without_gcloud_a_deployment_says_how_to_install_it(clone: Checkout, bare_path: str) -> None:
    for module in ("deploy", "deploy.resources.setup"):
        done = clone.run(module, "dev", path=bare_path)

        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.endswith(
            ": gcloud is not on the PATH; install it with: curl https://sdk.cloud.google.com | bash\n"
        )


def test_a_scale_file_goes_into_the_compiled_pipelines_and_asks_for_the_image_that_dataflow_needs(
    checkout: Checkout,
) -> None:
    environments = checkout.folder / "deploy" / "environments.yaml"
    environments.write_text(environments.read_text().replace("scale: null", "scale: pipeline/scale.toml"))

    done = checkout.run("deploy", "dev", "--dry-run")

    (compiles,) = [line for line in done.stdout.splitlines() if "wine_pipeline compile" in line]
    assert " --scale=pipeline/scale.toml " in compiles
    assert f"/wine-pipeline:dataflow-{made_from(checkout)},_TARGET=dataflow " in done.stdout
    roles = checkout.run("deploy.resources.setup", "dev", "--dry-run").stdout
    assert "--role=roles/dataflow.worker" in roles
    assert "dataflow.googleapis.com" in roles


def test_packages_are_installed_from_the_file(checkout: Checkout) -> None:
    (checkout.folder / "deploy" / "composer" / "requirements.txt").write_text("humanize==4.13.0\n")

    done = checkout.run("deploy", "dev", "--dry-run")

    assert (
        f"gcloud composer environments update wine-mlops {WHERE} "
        "--update-pypi-packages-from-file=deploy/composer/requirements.txt\n"
    ) in done.stdout


def test_a_dry_run_for_prod_says_that_a_real_one_would_refuse_uncommitted_changes(checkout: Checkout) -> None:
    (checkout.folder / "README.md").write_text("changed")

    done = checkout.run("deploy", "prod", "--dry-run")

    assert done.returncode == 0
    assert done.stdout.startswith("# there are uncommitted changes: a real deployment to prod stops here\n")


def test_setup_prints_every_step_and_runs_none(clone: Checkout, bare_path: str) -> None:
    done = clone.run("deploy.resources.setup", "dev", "--dry-run", path=bare_path)

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("# ")] == [
        "# 1. Enable the APIs",
        "# 2. Google's service agents, before their first use",
        "# 3. Service accounts, without keys",
        "# 4. The bucket of compiled pipelines and artifacts",
        "# 5. The data set of the wine tables",
        "# 6. The repository of the pipeline image",
        "# 7. The roles of each service account (deploy/resources/iam.yaml)",
        "# 8. The Composer environment (25 minutes)",
        "# 9. Access to the environment's bucket",
        "# 10. The triggers of Cloud Build",
        "# deploy/environments.yaml names no GitHub repository: no triggers to create",
    ]
    assert (
        f"\ngcloud composer environments describe wine-mlops {WHERE} ||\n"
        f"  gcloud composer environments create wine-mlops {WHERE} "
        "--image-version=composer-3-airflow-3.3.1-build.10 --environment-size=small "
        "--service-account=wine-composer@wine-mlops-dev.iam.gserviceaccount.com --env-variables=WINE_PROJECT="
    ) in done.stdout
    assert (
        "\nbq --project_id=wine-mlops-dev --location=europe-west1 query --use_legacy_sql=false "
        "'GRANT `roles/bigquery.dataViewer` ON SCHEMA `wine-mlops-dev.wine_quality` "
        'TO "serviceAccount:wine-pipeline@wine-mlops-dev.iam.gserviceaccount.com"\'\n'
    ) in done.stdout


def test_every_gcloud_command_is_one_that_gcloud_knows(checkout: Checkout, tmp_path: Path) -> None:
    require("gcloud")
    environments = checkout.folder / "deploy" / "environments.yaml"
    text = environments.read_text().replace("github: null", "github: owner/repository")
    environments.write_text(text.replace("scale: null", "scale: pipeline/scale.toml"))
    (checkout.folder / "deploy" / "composer" / "requirements.txt").write_text("humanize==4.13.0\n")

    commands = []
    for module in ("deploy", "deploy.resources.setup"):
        for environment in ("dev", "prod"):
            done = checkout.run(module, environment, "--dry-run")
            assert done.returncode == 0, done.stderr
            commands += commands_in(done.stdout, "gcloud")

    assert len(commands) > 90
    assert refused(commands, tmp_path) == {}


def test_the_gcloud_commands_of_the_documentation_are_known_too(tmp_path: Path) -> None:
    require("gcloud")
    documentation = (REPOSITORY / "docs" / "composer.md").read_text()

    commands = re.findall(r"`(gcloud [^`]*)`", " ".join(documentation.split()))

    assert len(commands) > 5
    assert refused(commands, tmp_path) == {}


def test_a_flag_that_gcloud_does_not_know_would_be_found(tmp_path: Path) -> None:
    require("gcloud")

    found = refused(["gcloud storage rsync a b --delete-everything"], tmp_path)

    assert "unrecognized arguments: --delete-everything" in next(iter(found.values()))
