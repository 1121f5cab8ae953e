"""Roles, resources and reasons of iam.yaml; ``python -m deploy.resources.iam`` prints the docs' tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError, model_validator
from vertex_mlops.contract.config.problems import one_line
from vertex_mlops.contract.config.yaml_file import SettingsFileError, read_settings

IAM_FILE = Path(__file__).with_name("iam.yaml")
AccountRole = Literal["composer", "pipeline", "deployer", "tester"]
ACCOUNTS: tuple[AccountRole, ...] = get_args(AccountRole)
Resource = Literal["project", "bucket", "dataset", "repository", "environment"]
CUSTOM_ROLE = "projects/PROJECT/roles/"
# the basic roles, roles/owner, editor and viewer, have no dot
Role = Annotated[str, Field(pattern=rf"^(roles/[a-zA-Z]+(\.[a-zA-Z]+)+|{CUSTOM_ROLE}[a-zA-Z]+)$")]
Permission = Annotated[str, Field(pattern=r"^[a-zA-Z]+\.[a-zA-Z]+\.[a-zA-Z]+$")]


class IamError(ValueError):
    """iam.yaml is wrong; the message names the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Binding(_Strict):
    """
    One role on one resource.

    :param role: a predefined role, or a custom one of the project.
    :param resource: project, bucket, dataset, repository, the environment's bucket, or a service account.
    :param why: its purpose.
    :param permissions: of a custom role.
    :param only_with_scale: granted only if work is moved to Dataflow and custom jobs.
    """

    role: Role
    resource: Resource | AccountRole
    why: str
    permissions: list[Permission] = []
    only_with_scale: StrictBool = False

    @model_validator(mode="after")
    def _permissions_make_a_custom_role(self) -> Self:
        if self.role.startswith(CUSTOM_ROLE) != bool(self.permissions):
            raise ValueError("only a custom role lists its permissions, and it must")
        return self

    @property
    def custom_role(self) -> str | None:
        """Return the id of the custom role; None for a predefined role."""
        return self.role.removeprefix(CUSTOM_ROLE) if self.permissions else None

    def role_in(self, project: str) -> str:
        """Return the role's full name."""
        return self.role.replace(CUSTOM_ROLE, f"projects/{project}/roles/")


class Account(_Strict):
    """
    One service account.

    :param purpose: what runs as it.
    :param bindings: its roles.
    """

    purpose: str
    bindings: list[Binding]


@dataclass(frozen=True)
class Grant:
    """A binding together with the account that gets it."""

    account: AccountRole
    binding: Binding


def read_accounts(path: Path = IAM_FILE) -> dict[AccountRole, Account]:
    """
    Read the file.

    :param path: the YAML file.
    :raises IamError: names the key that is unknown, missing or invalid.
    """
    kind = dict[AccountRole, Account]
    try:
        return TypeAdapter(kind).validate_python(read_settings(path))
    except ValidationError as error:
        raise IamError(f"{path.name}: {one_line(error, kind)}") from None
    except SettingsFileError as error:
        raise IamError(f"{path.name}: {error}") from None


def grants(accounts: dict[AccountRole, Account], scale: bool) -> list[Grant]:
    """
    Return every binding, in the order of the file.

    :param accounts: by name.
    :param scale: work is moved to Dataflow and custom jobs.
    """
    return [
        Grant(name, binding)
        for name, account in accounts.items()
        for binding in account.bindings
        if scale or not binding.only_with_scale
    ]


def table(accounts: dict[AccountRole, Account]) -> str:
    """Return the accounts as tables in Markdown."""
    parts = []
    for name, account in accounts.items():
        rows = [f"| {_role(item)} | {_place(item)} | {_reason(item)} |" for item in account.bindings]
        head = f"**{name}**: {account.purpose}.\n\n| role | on | why |\n|---|---|---|"
        parts.append("\n".join([head, *rows]))
    return "\n\n".join(parts)


def _role(binding: Binding) -> str:
    if not binding.permissions:
        return f"`{binding.role}`"
    return f"`{binding.custom_role}`: {', '.join(f'`{permission}`' for permission in binding.permissions)}"


def _reason(binding: Binding) -> str:
    return f"{binding.why} (only with a scale file)" if binding.only_with_scale else binding.why


def _place(binding: Binding) -> str:
    if binding.resource == "environment":
        return "the environment's bucket"
    return f"the account {binding.resource}" if binding.resource in ACCOUNTS else f"the {binding.resource}"


if __name__ == "__main__":
    print(table(read_accounts()))
