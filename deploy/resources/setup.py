"""
Create the resources of a deployment in an empty project: ``make deploy-setup ENV=dev``.

It can be repeated: existing resources stay, additions to iam.yaml and changes of the JSON files are applied.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from deploy.composer.check import IMPORT_SECONDS
from deploy.composer.environment import ComposerError, describe
from deploy.environments import Environment, EnvironmentsError, read_environment
from deploy.resources.iam import ACCOUNTS, Binding, Grant, IamError, grants, read_accounts
from deploy.terminal.shell import CommandError, Shell
from deploy.wines.wine_tables import WineTablesError, read_wine_tables

SERVICES = (
    "aiplatform",
    "artifactregistry",
    "bigquery",
    "cloudbuild",
    "cloudresourcemanager",
    "composer",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "storage",
)
SCALE_SERVICES = ("compute", "dataflow")
# Google's service agents in the project, by service: the account's domain, and its role there. Google
# creates one at the first use, which takes minutes during which pipeline jobs are rejected.
# https://cloud.google.com/iam/docs/service-agents
SERVICE_AGENTS = {"aiplatform": ("gcp-sa-aiplatform", "roles/aiplatform.serviceAgent")}
SCALE_SERVICE_AGENTS = {"dataflow": ("dataflow-service-producer-prod", "roles/dataflow.serviceAgent")}
# Every task imports its DAG file again, which takes 7.6 s of a whole processor, mostly for the provider:
# half a processor, Composer's minimum, is too slow for two tasks at a time.
# https://cloud.google.com/composer/docs/composer-3/scale-environments has the limits
WORKLOADS = (
    *("--worker-cpu=1", "--worker-memory=4GB"),
    *("--dag-processor-cpu=1", "--dag-processor-memory=4GB"),
)
# seconds; Composer takes no import timeout below the processor's, and neither above 600:
# https://docs.cloud.google.com/composer/docs/airflow-configurations
_TIMEOUT = f"{IMPORT_SECONDS:.0f}"
AIRFLOW_CONFIGS = {
    "core-dagbag_import_timeout": _TIMEOUT,
    "dag_processor-dag_file_processor_timeout": _TIMEOUT,
}
SOFT_DELETE = "7d"
COMMENTS = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"


class SetupError(RuntimeError):
    """The project has a resource that this package cannot use; the message is one line that says why."""


class Setup:
    """
    Creates the resources of one environment.

    :param name: ``dev`` or ``prod``.
    :param environment: what the name stands for.
    :param shell: runs or prints the commands.
    """

    def __init__(self, name: str, environment: Environment, shell: Shell) -> None:
        self.name = name
        self.environment = environment
        self.shell = shell
        self.accounts = read_accounts()
        self.dataset: str = read_wine_tables().dataset
        self.project = f"--project={environment.project}"
        self.location = f"--location={environment.region}"
        self.bucket = f"gs://{environment.bucket}"

    def run(self) -> None:
        """
        Run all steps.

        :raises CommandError: a command failed.
        :raises SetupError: the data set is not in the region.
        """
        self.shell.require_gcloud()
        self.shell.step("Enable the APIs")
        services = SERVICES + (SCALE_SERVICES if self.environment.scale else ())
        self.shell.run(
            "gcloud", "services", "enable", *(f"{name}.googleapis.com" for name in services), self.project
        )
        self.shell.step("Google's service agents, before their first use")
        self.make_service_agents()
        self.shell.step("Service accounts, without keys")
        self.make_accounts()
        self.shell.step("The bucket of compiled pipelines and artifacts")
        self.make_bucket()
        self.shell.step("The data set of the wine tables")
        self.make_dataset()
        self.shell.step("The repository of the pipeline image")
        self.make_repository()
        self.shell.step("The roles of each service account (deploy/resources/iam.yaml)")
        granted = grants(self.accounts, scale=self.environment.scale is not None)
        for grant in granted:
            self.make_role(grant)
            if grant.binding.resource != "environment":
                self.grant(grant)
        self.shell.step("The Composer environment (25 minutes)")
        self.make_composer()
        self.shell.step("Access to the environment's bucket")
        bucket = describe(self.environment, self.shell).bucket
        for grant in granted:
            if grant.binding.resource == "environment":
                self.grant(grant, bucket)
        self.shell.step("The triggers of Cloud Build")
        self.make_triggers()

    def make_service_agents(self) -> None:
        """
        Create the service agents that Google uses; repeating it changes nothing.

        An agent created in this way gets no role automatically.

        Source: https://cloud.google.com/iam/docs/create-service-agents
        """
        number = self.shell.read(
            *self._gcloud("projects describe", self.environment.project, "--format=value(projectNumber)"),
            placeholder="PROJECT_NUMBER",
        )
        agents = SERVICE_AGENTS | (SCALE_SERVICE_AGENTS if self.environment.scale else {})
        for service, (domain, role) in agents.items():
            self.shell.run(
                *self._gcloud("beta services identity create", f"--service={service}.googleapis.com"),
                self.project,
            )
            self.shell.run(
                *self._gcloud("projects add-iam-policy-binding", self.environment.project),
                *("--condition=None", f"--role={role}"),
                f"--member=serviceAccount:service-{number}@{domain}.iam.gserviceaccount.com",
            )

    def make_accounts(self) -> None:
        """Create the service accounts."""
        for name, account in self.accounts.items():
            self.shell.create_unless(
                self._gcloud("iam service-accounts describe", self.environment.account(name), self.project),
                self._gcloud(
                    "iam service-accounts create",
                    getattr(self.environment.service_accounts, name),
                    f"--display-name={account.purpose}",
                    self.project,
                ),
            )

    def make_bucket(self) -> None:
        """Create the bucket: no object ACLs, never public, deleted objects kept for a week."""
        self.shell.create_unless(
            self._gcloud("storage buckets describe", self.bucket, self.project),
            self._gcloud(
                "storage buckets create",
                *(self.bucket, self.project, self.location),
                *("--uniform-bucket-level-access", "--public-access-prevention"),
            ),
        )
        self.shell.run(
            *self._gcloud("storage buckets update", self.bucket, self.project),
            *("--lifecycle-file=deploy/resources/lifecycle.json", f"--soft-delete-duration={SOFT_DELETE}"),
        )

    def make_dataset(self) -> None:
        """
        Create the data set, in the region of the bucket: Beam exports from one to the other.

        Source: https://cloud.google.com/bigquery/docs/locations: "Single-region locations don't match
        multi-region locations, even where the single-region location is contained within the multi-region
        location."

        :raises SetupError: it exists in another location, in a multi-region for example.
        """
        region = self.environment.region
        dataset = f"{self.environment.project}:{self.dataset}"
        self.shell.create_unless(
            self._bq("show", "--dataset", dataset),
            self._bq("mk", "--dataset", "--description=Wine quality (UCI)", dataset),
        )
        found = self.shell.read(
            *self._bq("--format=json", "show", "--dataset", dataset),
            placeholder=json.dumps({"location": region}),
        )
        location = json.loads(found)["location"]
        if location.lower() != region:
            raise SetupError(
                f"the data set {dataset} is in {location}, not in {region}: BigQuery runs a job where its"
                " data sets are, and does not match a region with a multi-region; recreate the data set in"
                f" {region}"
            )

    def make_repository(self) -> None:
        """Create the Artifact Registry repository; old images are deleted, except the ten newest."""
        repository = (self.environment.artifact_repository, self.project, self.location)
        self.shell.create_unless(
            self._gcloud("artifacts repositories describe", *repository),
            self._gcloud("artifacts repositories create", *repository, "--repository-format=docker"),
        )
        self.shell.run(
            *self._gcloud("artifacts repositories set-cleanup-policies", *repository),
            *("--policy=deploy/resources/image-cleanup.json", "--no-dry-run"),
        )

    def make_role(self, grant: Grant) -> None:
        """Create a custom role, or set its permissions to those of iam.yaml; predefined roles exist."""
        role, permissions = grant.binding.custom_role, ",".join(grant.binding.permissions)
        if not role:
            return
        change = (f"--title={role}", f"--permissions={permissions}", "--stage=GA")
        self.shell.create_unless(
            self._gcloud("iam roles describe", role, self.project),
            self._gcloud("iam roles create", role, self.project, *change),
        )
        self.shell.run(*self._gcloud("iam roles update", role, self.project, *change))

    def grant(self, grant: Grant, environment_bucket: str = "") -> None:
        """
        Grant a service account one role on one resource; repeating it changes nothing.

        :param environment_bucket: gs:// URL, for a role on the Composer environment's bucket.
        """
        member = f"serviceAccount:{self.environment.account(grant.account)}"
        if grant.binding.resource == "dataset":
            self.shell.run(*self._dataset_grant(member, grant.binding.role))
            return
        self.shell.run(
            *self._policy_binding(grant.binding, environment_bucket),
            f"--member={member}",
            f"--role={grant.binding.role_in(self.environment.project)}",
        )

    def _policy_binding(self, binding: Binding, environment_bucket: str) -> tuple[str, ...]:
        environment, resource = self.environment, binding.resource
        if resource in ACCOUNTS:
            return self._gcloud(
                "iam service-accounts add-iam-policy-binding", environment.account(resource), self.project
            )
        return {
            "project": self._gcloud(
                "projects add-iam-policy-binding",
                *(environment.project, "--condition=None"),
            ),
            "bucket": self._gcloud("storage buckets add-iam-policy-binding", self.bucket, self.project),
            "environment": self._gcloud(
                "storage buckets add-iam-policy-binding", environment_bucket, self.project
            ),
            "repository": self._gcloud(
                "artifacts repositories add-iam-policy-binding",
                *(environment.artifact_repository, self.project, self.location),
            ),
        }[resource]

    def _dataset_grant(self, member: str, role: str) -> tuple[str, ...]:
        """Return a GRANT statement: no other documented command for a dataset adds instead of replacing."""
        schema = f"`{self.environment.project}.{self.dataset}`"
        query = f'GRANT `{role}` ON SCHEMA {schema} TO "{member}"'
        return self._bq("query", "--use_legacy_sql=false", query)

    def make_composer(self) -> None:
        """Create the Airflow environment with the variables that the DAGs need."""
        composer = self.environment.composer
        where = (composer.environment, self.project, self.location)
        pairs = ",".join(f"{name}={value}" for name, value in self.environment.variables.items())
        configs = ",".join(f"{name}={value}" for name, value in AIRFLOW_CONFIGS.items())
        self.shell.create_unless(
            self._gcloud("composer environments describe", *where),
            self._gcloud(
                "composer environments create",
                *where,
                *(f"--image-version={composer.image_version}", f"--environment-size={composer.size}"),
                *(f"--service-account={self.environment.account('composer')}", f"--env-variables={pairs}"),
                *(*WORKLOADS, f"--airflow-configs={configs}"),
            ),
        )

    def make_triggers(self) -> None:
        """Create the triggers: tests for pull requests, a deployment for pushes to main."""
        environment = self.environment
        if environment.github is None:
            self.shell.say("deploy/environments.yaml names no GitHub repository: no triggers to create")
            return
        self.shell.say(
            "connect the repository first: https://console.cloud.google.com/cloud-build/triggers/connect"
        )
        if environment.confirm:
            self._trigger(
                f"wine-deploy-{self.name}", "deploy/cloudbuild/main.yaml", "deployer", "--require-approval"
            )
            return
        self._trigger("wine-pull-request", "deploy/cloudbuild/pr.yaml", "tester")
        self._trigger(f"wine-deploy-{self.name}", "deploy/cloudbuild/main.yaml", "deployer")

    def _trigger(self, name: str, config: str, account: str, *flags: str) -> None:
        environment = self.environment
        owner, repository = str(environment.github).split("/")
        email = environment.account(account)
        # pull requests from outside run only after a collaborator's /gcbrun
        event: tuple[str, ...] = ("--pull-request-pattern=^main$", f"--comment-control={COMMENTS}")
        substitutions: tuple[str, ...] = ()
        if account == "deployer":
            event, substitutions = ("--branch-pattern=^main$",), (f"--substitutions=_ENV={self.name}",)
        region = f"--region={environment.region}"
        self.shell.create_unless(
            self._gcloud("builds triggers describe", name, self.project, region),
            self._gcloud(
                "builds triggers create github",
                *(f"--name={name}", self.project, region),
                *(f"--repo-owner={owner}", f"--repo-name={repository}", *event, f"--build-config={config}"),
                f"--service-account=projects/{environment.project}/serviceAccounts/{email}",
                *(*substitutions, *flags),
            ),
        )

    def _bq(self, *arguments: str) -> tuple[str, ...]:
        return ("bq", f"--project_id={self.environment.project}", self.location, *arguments)

    @staticmethod
    def _gcloud(command: str, *arguments: str) -> tuple[str, ...]:
        return ("gcloud", *command.split(), *arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Set up an environment.

    :param arguments: without the program's name; those of the process by default.
    :return: 0; 1 if a step failed.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.resources.setup", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="dev, prod: a key of deploy/environments.yaml")
    parser.add_argument("--dry-run", action="store_true", help="print every command, run none")
    options = parser.parse_args(arguments)
    try:
        Setup(options.environment, read_environment(options.environment), Shell(options.dry_run)).run()
    except (CommandError, ComposerError, EnvironmentsError, IamError, SetupError, WineTablesError) as error:
        print(f"deploy-setup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
