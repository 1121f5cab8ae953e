"""Resource names."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.api_core import exceptions

from localcloud.config import Settings
from localcloud.vertex.resources import names

SETTINGS = Settings(state=Path("unused"))


@pytest.mark.parametrize("project", [SETTINGS.project, SETTINGS.project_number])
def test_a_name_comes_out_with_the_project_number(project: str) -> None:
    name = names.canonical(f"projects/{project}/locations/r/models/1@2", SETTINGS)

    assert name == f"projects/{SETTINGS.project_number}/locations/r/models/1@2"


def test_another_project_is_refused() -> None:
    with pytest.raises(exceptions.PermissionDenied, match="other"):
        names.canonical("projects/other/locations/r/models/1", SETTINGS)


@pytest.mark.parametrize("name", ["", "models/1", "projects", "projects//locations/r"])
def test_what_is_no_resource_name_is_refused(name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        names.canonical(name, SETTINGS)


def test_new_ids_are_int64_numbers_of_one_length() -> None:
    ids = {names.new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(new.isdigit() and len(new) == 19 and int(new) < 2**63 for new in ids)


def test_a_name_is_taken_apart() -> None:
    name = "projects/1/locations/r/endpoints/2/operations/3"

    assert names.location_of(name) == "projects/1/locations/r"
    assert names.id_of(name) == "3"
