"""Field masks of the update methods."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.resources import masks

UPDATABLE = ("display_name", "labels")


def test_only_masked_fields_are_copied() -> None:
    stored = v1.Endpoint(name="e", display_name="old", labels={"a": "1"})

    masks.apply(stored, v1.Endpoint(name="x", display_name="new", labels={"b": "2"}), ["labels"], UPDATABLE)

    assert (stored.name, stored.display_name, dict(stored.labels)) == ("e", "old", {"b": "2"})


def test_a_masked_field_that_is_empty_is_cleared() -> None:
    stored = v1.Endpoint(display_name="old", labels={"a": "1"})

    masks.apply(stored, v1.Endpoint(display_name="new"), ["*"], UPDATABLE)

    assert (stored.display_name, dict(stored.labels)) == ("new", {})


def test_an_immutable_field_is_refused_by_name() -> None:
    with pytest.raises(exceptions.InvalidArgument, match="cannot be updated: deployed_models, name"):
        masks.apply(v1.Endpoint(), v1.Endpoint(), ["name", "labels", "deployed_models"], UPDATABLE)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(exceptions.InvalidArgument, match="update_mask is required"):
        masks.apply(v1.Endpoint(), v1.Endpoint(), [], UPDATABLE)
