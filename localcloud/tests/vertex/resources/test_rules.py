"""Rules that several resources share."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from localcloud.vertex.resources.rules import check_labels


def test_labels_that_google_allows_are_accepted() -> None:
    check_labels({"wine": "white", "data_version": "1730000000000", "größe": "", "a" * 63: "b" * 63})


@pytest.mark.parametrize(
    "labels",
    [
        {"Wine": "white"},
        {"wine": "White"},
        {"wine": "very white"},
        {"wine": "1.21.0"},
        {"": "white"},
        {"1wine": "white"},
        {"wine": "w" * 64},
        {f"l{number}": "" for number in range(65)},
    ],
)
def test_labels_that_google_refuses_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="label"):
        check_labels(labels)
