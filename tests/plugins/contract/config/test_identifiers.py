"""Which identifiers are accepted; tests/dags/test_bad_*.py have what others are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from vertex_mlops.contract.config import identifiers


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (identifiers.wine_name, "vinho-verde-2"),
        (identifiers.project_id, "a23456"),
        (identifiers.project_id, "my-project-1"),
        (identifiers.region, "northamerica-northeast1"),
        (identifiers.region, "europe-west12"),
        (identifiers.bucket_name, "123"),
        (identifiers.bucket_name, "my_bucket.example.com"),
        (identifiers.bucket_name, f"{'a' * 63}.{'b' * 63}"),
        (identifiers.gcs_uri, "gs://bucket"),
        (identifiers.gcs_uri, "gs://bucket/a/b=c/"),
        (identifiers.bigquery_id, "Wine_2"),
        (identifiers.column_name, "pH"),
        (identifiers.resource_id, "a"),
        (identifiers.account_id, "wine-pipeline"),
        (identifiers.service_account, "123-compute@developer.gserviceaccount.com"),
        (identifiers.label_value, "0123abc-dirty"),
        (identifiers.email, "first.last+wine@mail.example.co.uk"),
        (identifiers.notification_channel, "projects/wine-local/notificationChannels/7"),
        (identifiers.kms_key, "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k"),
        (identifiers.machine_type, "n1-highmem-8"),
        (identifiers.image_name, "europe-west1-docker.pkg.dev/p/wine-mlops/wine-pipeline:0.1.0"),
        (identifiers.image_name, f"localhost:5000/wine@sha256:{'0' * 64}"),
    ],
)
def test_an_identifier_is_accepted(check: Callable[[str], str], value: str) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (identifiers.wine_name, "white\n"),
        (identifiers.project_id, "a2345"),
        (identifiers.region, "europe-west0"),
        (identifiers.bucket_name, f"{'a' * 64}.b"),
        (identifiers.bucket_name, "g00gle-wine"),
        (identifiers.gcs_uri, "gs://bucket//a"),
        (identifiers.gcs_uri, "gs://bucket/a b"),
        (identifiers.gcs_uri, f"gs://bucket/{'a' * 501}"),
        (identifiers.gcs_uri, "gs://"),
        (identifiers.bigquery_id, ""),
        (identifiers.column_name, "2nd"),
        (identifiers.resource_id, "wine-"),
        (identifiers.account_id, "Ada"),
        (identifiers.service_account, "ada@example.com"),
        (identifiers.label_value, "Release 1.0"),
        (identifiers.label_value, "a" * 64),
        (identifiers.email, "a@b"),
        (identifiers.email, "a@example.com,b@example.com"),
        (identifiers.email, "a..b@example.com"),
        (identifiers.email, f"{'a' * 250}@example.com"),
        (identifiers.notification_channel, "projects/wine/notificationChannels/7/x"),
        (identifiers.kms_key, "projects/p/locations/l/keyRings/r"),
        (identifiers.machine_type, "big"),
        (identifiers.image_name, "registry/wine pipeline"),
        (identifiers.image_name, "wine"),
    ],
)
def test_an_identifier_is_refused(check: Callable[[str], str], value: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        check(value)
