"""The steps of a deployment, in their order."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from deploy import REPOSITORY
from deploy.composer import specs
from deploy.composer.environment import REQUIREMENTS_FILE, ComposerState, describe, requirements
from deploy.composer.package import image_tag, is_clean, stage_image
from deploy.composer.sync import Sync
from deploy.composer.web_server import WebServer
from deploy.environments import SERVING_SOURCE, SERVING_VERSION, Environment
from deploy.terminal.shell import Shell, relative
from deploy.wines.wine_tables import read_wine_tables

BUILD = REPOSITORY / ".local" / "deploy"
PIPELINE_PYTHON = "pipeline/.venv/bin/python"


class DeployError(RuntimeError):
    """The deployment must stop; the message is one line that says why."""


class Deployment:
    """
    Deploys the work tree to one environment; repeating it changes only what differs.

    :param name: ``dev`` or ``prod``.
    :param environment: what the name stands for.
    :param shell: runs or prints the commands.
    """

    def __init__(self, name: str, environment: Environment, shell: Shell) -> None:
        self.name = name
        self.environment = environment
        self.shell = shell
        self.build = BUILD / name

    def run(self, confirmed: bool) -> None:
        """
        Run all steps.

        :param confirmed: a person, or the approval in Cloud Build, has already agreed.
        :raises DeployError: uncommitted changes, no agreement, or a pipeline that names another image.
        :raises SyncError: the environment contains DAGs or plugins that were not deployed from here.
        :raises CommandError: a command failed.
        """
        self.shell.require_gcloud()
        self.refuse_uncommitted()
        self.confirm(confirmed)
        self.shell.step("Check the DAGs as Composer loads them")
        self.shell.run(relative(Path(sys.executable)), "-m", "deploy.composer.check", self.name)
        self.shell.step("Read the Composer environment")
        composer = describe(self.environment, self.shell)
        sync = self.sync(composer)
        there = sync.refuse_foreign()
        self.shell.step("Build and push the pipeline image, unless one exists for this code")
        image = self.push_image()
        self.shell.step("Copy TensorFlow Serving's image, unless it exists")
        serving_image = self.copy_serving_image()
        self.shell.step(
            "Compile the pipelines with the images' digests, and upload them next to the earlier ones"
        )
        uploaded = self.upload_specs(image, serving_image)
        # before the DAGs that need them
        self.shell.step("Set the environment's packages and variables, where they differ")
        self.install_packages(composer)
        self.set_variables(composer)
        self.shell.step("Upload dags/ and plugins/, and remove deleted files")
        sync.run(there)
        self.shell.step("Switch new runs to these pipelines")
        self.switch_specs(uploaded)
        self.shell.step("Restart the web server, if plugins/ has changed")
        WebServer(self.environment, self.shell, self.build).restart_after_change()
        self.shell.say(f"done: {composer.airflow_uri}")

    def refuse_uncommitted(self) -> None:
        """
        Stop if a protected environment would get uncommitted changes.

        :raises DeployError: naming what to do.
        """
        if not self.environment.confirm or is_clean():
            return
        if not self.shell.dry_run:
            raise DeployError(f"{self.name} accepts only committed changes: commit or stash yours first")
        self.shell.say(f"there are uncommitted changes: a real deployment to {self.name} stops here")

    def confirm(self, confirmed: bool) -> None:
        """
        Ask for confirmation before a protected environment is changed.

        :raises DeployError: the answer is no, or nobody is there to answer.
        """
        if confirmed or not self.environment.confirm or self.shell.dry_run:
            return
        try:
            answer = input(f"Deploy to {self.environment.project}? Type {self.name} to continue: ")
        except EOFError:
            answer = ""
        if answer.strip() != self.name:
            raise DeployError("nothing was changed")

    def push_image(self) -> str:
        """
        Build the image of this code, if it is not there.

        :return: its name with its digest.
        """
        return self._push(self.environment.image, image_tag(self.environment.image_target), self._build)

    def copy_serving_image(self) -> str:
        """
        Copy TensorFlow Serving's image of the required version, if it does not exist.

        :return: its name with its digest.
        """
        return self._push(self.environment.serving_image, SERVING_VERSION, self._copy)

    def upload_specs(self, image: str, serving_image: str) -> dict[str, str]:
        """
        Compile the pipelines of all wines and upload them, named by their digests; no run uses them yet.

        :param image: of the pipeline's tasks, with its digest.
        :param serving_image: TensorFlow Serving's, with its digest; a prebuilt container is named without it.
        :return: name of each wine's compiled pipeline in the bucket.
        :raises DeployError: a compiled pipeline names other images.
        :raises WineTablesError: dags/wine_config.yaml names no wines.
        """
        uploaded = {}
        environment = self.environment
        scale = [f"--scale={environment.scale}"] if environment.scale else []
        compiled = {wine: self.build / "specs" / f"wine-{wine}.json" for wine in read_wine_tables().wines}
        # in one process: TFX takes longer to import than to compile
        self.shell.run(
            *(PIPELINE_PYTHON, "-m", "wine_pipeline", "compile"),
            *(f"--project={environment.project}", f"--region={environment.region}"),
            *(f"--bucket={environment.bucket}", f"--image={image}"),
            *(f"--serving_image={serving_image}", *scale),
            *(f"--wine={wine}" for wine in compiled),
            *(f"--output={relative(spec)}" for spec in compiled.values()),
        )
        for wine, spec in compiled.items():
            if not self.shell.dry_run:
                _check_images(spec, image, serving_image)
            uploaded[wine] = specs.spec_name(wine, self._digest_of(spec))
            # with a precondition, so that a file in use never changes:
            # https://cloud.google.com/sdk/gcloud/reference/storage/cp
            self.shell.run(
                *("gcloud", "storage", "cp", relative(spec)),
                *(f"gs://{environment.bucket}/{uploaded[wine]}", "--no-clobber"),
            )
        return uploaded

    def switch_specs(self, uploaded: dict[str, str]) -> None:
        """
        Point each wine's pointer, which its DAG reads, to the compiled pipeline just uploaded.

        :param uploaded: name of each wine's compiled pipeline in the bucket.
        """
        bucket = self.environment.bucket
        for wine, name in uploaded.items():
            path = self.build / "pointers" / f"wine-{wine}.json"
            if not self.shell.dry_run:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(specs.pointer(bucket, name))
            self.shell.run(
                *("gcloud", "storage", "cp", relative(path), f"gs://{bucket}/{specs.pointer_name(wine)}")
            )

    def install_packages(self, composer: ComposerState) -> None:
        """Set the environment's packages to those of deploy/composer/requirements.txt, if they differ."""
        wanted = requirements(REQUIREMENTS_FILE.read_text())
        if self.shell.dry_run:
            self.shell.say("only if the packages differ from deploy/composer/requirements.txt:")
        elif wanted == composer.packages:
            self.shell.say("the packages match deploy/composer/requirements.txt")
            return
        # the file replaces all packages, but cannot be empty
        change = f"--update-pypi-packages-from-file={relative(REQUIREMENTS_FILE)}"
        self.shell.run(*self._update(), change if wanted else "--clear-pypi-packages")

    def set_variables(self, composer: ComposerState) -> None:
        """Set the variables that differ: an update takes Composer ten minutes."""
        missing = composer.missing_variables(self.environment.variables)
        if not missing:
            self.shell.say("the variables are already set")
            return
        if self.shell.dry_run:
            self.shell.say("only those that differ:")
        pairs = ",".join(f"{name}={value}" for name, value in missing.items())
        self.shell.run(*self._update(), f"--update-env-variables={pairs}")

    def sync(self, composer: ComposerState) -> Sync:
        """Return the folders of the environment's bucket."""
        record = f"gs://{self.environment.bucket}/deployed/{self.environment.composer.environment}.txt"
        return Sync(self.shell, composer.bucket, record, self.build)

    def _update(self) -> tuple[str, ...]:
        environment = self.environment
        return (
            *("gcloud", "composer", "environments", "update", environment.composer.environment),
            *(f"--project={environment.project}", f"--location={environment.region}"),
        )

    def _push(self, image: str, tag: str, push: Callable[[str], None]) -> str:
        digest = self._digest(image, tag)
        if self.shell.dry_run:
            self.shell.say(f"only if no image has the tag {tag}:")
        if self.shell.dry_run or not digest:
            push(f"{image}:{tag}")
            digest = self._digest(image, tag)
        if not digest:
            raise DeployError(f"{image}:{tag} does not exist after its build")
        return f"{image}@{digest}"

    def _digest_of(self, spec: Path) -> str:
        return "DIGEST" if self.shell.dry_run else specs.digest_of(spec.read_bytes())

    def _digest(self, image: str, tag: str) -> str | None:
        """Return the digest of the image with this tag; None if there is no such image."""
        listed = self.shell.read(
            *("gcloud", "artifacts", "docker", "images", "list", image.rpartition("/")[0]),
            *("--include-tags", "--format=json"),
            placeholder=json.dumps([{"package": image, "version": "sha256:DIGEST", "tags": [tag]}]),
        )
        versions = [
            found["version"]
            for found in json.loads(listed)
            if found["package"] == image and tag in found["tags"]
        ]
        return versions[0] if versions else None

    def _build(self, image: str) -> None:
        source = self.build / "image"
        if not self.shell.dry_run:
            stage_image(source)
        self.shell.run(
            *("gcloud", "builds", "submit", relative(source), "--config=deploy/cloudbuild/image.yaml"),
            *self._as_deployer(),
            f"--substitutions=_IMAGE={image},_TARGET={self.environment.image_target}",
            f"--gcs-source-staging-dir=gs://{self.environment.bucket}/builds",
        )

    def _copy(self, image: str) -> None:
        self.shell.run(
            *("gcloud", "builds", "submit", "--no-source", "--config=deploy/cloudbuild/serving.yaml"),
            *self._as_deployer(),
            f"--substitutions=_SOURCE={SERVING_SOURCE},_IMAGE={image}",
        )

    def _as_deployer(self) -> tuple[str, ...]:
        environment = self.environment
        account = f"projects/{environment.project}/serviceAccounts/{environment.account('deployer')}"
        return (
            *(f"--project={environment.project}", f"--region={environment.region}"),
            f"--service-account={account}",
        )


def _check_images(spec: Path, image: str, serving_image: str) -> None:
    text = spec.read_text()
    container = json.loads(text)["serving"]["container_spec"]
    # a prebuilt container has no command
    wanted = [image, serving_image] if "command" in container else [image]
    for name in wanted:
        if name not in text:
            raise DeployError(f"{relative(spec)} does not name {name}")
