"""Least privilege is written down once, and the documentation shows just that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.resources.iam import IAM_FILE, IamError, grants, read_accounts, table
from tests.support.repository import REPOSITORY
from tests.test_house import source_files


def test_the_documentation_shows_the_roles_that_are_granted() -> None:
    documentation = (REPOSITORY / "docs" / "composer.md").read_text()

    assert table(read_accounts()) in documentation


def test_no_account_has_a_basic_or_an_administrators_role() -> None:
    roles = {grant.binding.role for grant in grants(read_accounts(), scale=True)}

    assert len(roles) > 10
    assert not roles & {"roles/owner", "roles/editor", "roles/viewer"}
    assert [role for role in roles if "admin" in role.lower()] == []


def test_the_deployer_changes_environments_without_making_or_deleting_any() -> None:
    deployer = [grant.binding for grant in grants(read_accounts(), scale=True) if grant.account == "deployer"]

    of_composer = [binding for binding in deployer if binding.permissions or "composer" in binding.role]
    assert [binding.permissions for binding in of_composer] == [
        ["composer.environments.get", "composer.environments.update", "composer.operations.get"]
    ]


@pytest.mark.parametrize(
    ("written", "bad"),
    [
        ("permissions: [composer.environments.get, ", "permissions: [composer.environments.*, "),
        ("      permissions: [composer", "      #permissions: [composer"),
        ("- role: roles/composer.worker\n", "- role: roles/composer.worker\n      permissions: [a.b.c]\n"),
    ],
    ids=["a wildcard", "a custom role without permissions", "a predefined role with permissions"],
)
def test_a_custom_role_lists_its_permissions_one_by_one(written: str, bad: str, tmp_path: Path) -> None:
    path = tmp_path / "iam.yaml"
    text = IAM_FILE.read_text()
    assert text.count(written) == 1
    path.write_text(text.replace(written, bad))

    with pytest.raises(IamError, match=r"^iam.yaml: (composer|deployer).bindings.\d+"):
        read_accounts(path)


def test_data_and_artifacts_are_granted_where_they_are_not_for_the_whole_project() -> None:
    for grant in grants(read_accounts(), scale=True):
        service, _, role = grant.binding.role.removeprefix("roles/").partition(".")
        if service in ("storage", "artifactregistry") or role.startswith("data"):
            assert grant.binding.resource != "project" or service == "dataflow", grant


def test_verify_may_read_metrics_and_no_log_of_requests() -> None:
    composer = [
        grant.binding for grant in grants(read_accounts(), scale=False) if grant.account == "composer"
    ]
    of_data = {(binding.role, binding.resource) for binding in composer if "bigquery.data" in binding.role}

    assert ("roles/monitoring.viewer", "project") in {(item.role, item.resource) for item in composer}
    assert of_data == {("roles/bigquery.dataViewer", "dataset")}


def test_pull_requests_are_tested_by_an_account_that_can_change_nothing() -> None:
    tester = [grant.binding for grant in grants(read_accounts(), scale=True) if grant.account == "tester"]

    assert [binding.role for binding in tester] == ["roles/logging.logWriter"]


def test_dataflow_is_granted_only_where_work_is_sent_to_it() -> None:
    without = {grant.binding.role for grant in grants(read_accounts(), scale=False)}
    with_scale = {grant.binding.role for grant in grants(read_accounts(), scale=True)}

    assert with_scale - without == {"roles/dataflow.developer", "roles/dataflow.worker"}


def test_no_command_and_no_file_makes_or_holds_a_key() -> None:
    names = [name for name in source_files() if name.startswith("deploy/")]

    assert names
    for name in names:
        text = (REPOSITORY / name).read_text()
        assert not re.search(r"keys create|private_key|BEGIN [A-Z ]*PRIVATE KEY|--key-file", text), name


@pytest.mark.parametrize("role", ["roles/owner", "roles/editor", "roles/viewer"])
def test_a_basic_role_is_refused(role: str, tmp_path: Path) -> None:
    path = tmp_path / "iam.yaml"
    path.write_text(IAM_FILE.read_text().replace("roles/composer.worker", role))

    with pytest.raises(IamError, match=r"^iam.yaml: composer.bindings.0.role: "):
        read_accounts(path)


def test_an_unknown_resource_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "iam.yaml"
    path.write_text(IAM_FILE.read_text().replace("resource: bucket", "resource: folder", 1))

    with pytest.raises(IamError, match=r"^iam.yaml: composer.bindings.6.resource"):
        read_accounts(path)
