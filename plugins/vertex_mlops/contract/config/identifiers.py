"""Identifiers that people write into settings, as Google Cloud accepts them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_WINE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[1-9][0-9]?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")
_BIGQUERY_ID = re.compile(r"[A-Za-z0-9_]{1,1024}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_RESOURCE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_HOST = r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
_EMAIL = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_HOST}")
_SERVICE_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}@[a-z0-9][a-z0-9.-]*\.gserviceaccount\.com")
_OBJECT = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")
_CHANNEL = re.compile(r"projects/[a-z0-9.:-]+/notificationChannels/[A-Za-z0-9_-]+")
_KMS_KEY = re.compile(
    r"projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}"
)
_MACHINE = re.compile(r"[a-z][a-z0-9]*-[a-z0-9]+(-[a-z0-9]+)*")
_IMAGE = re.compile(
    r"[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._:-]+)*/[a-z0-9._-]+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?"
)

# https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1
_MOST_EMAIL_LENGTH = 254
# an object's name has 1024 bytes, and pipelines append to their root
_MOST_PATH_LENGTH = 500


def _require(valid: object, expected: str) -> None:
    if not valid:
        raise ValueError(expected)


def wine_name(value: str) -> str:
    """
    Check the name of a wine: part of DAG ids, of an endpoint's name and of a pipeline's, and a label's value.

    :param value: the name.
    :raises ValueError: says what it must be.
    """
    _require(
        _WINE.fullmatch(value),
        "must be 1 to 31 lower-case letters, digits and hyphens, the first one a letter",
    )
    return value


def project_id(value: str) -> str:
    """
    Check a project id, which is neither the project's name nor its number.

    Source: https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin

    :param value: the id.
    :raises ValueError: says what it must be.
    """
    _require(
        _PROJECT.fullmatch(value),
        "must be a project id: 6 to 30 lower-case letters, digits and hyphens, the first one a letter,"
        " the last one no hyphen",
    )
    return value


def region(value: str) -> str:
    """
    Check the form of a region; a zone, a multi-region and ``global`` have another.

    Source: https://cloud.google.com/vertex-ai/docs/general/locations

    :param value: the region.
    :raises ValueError: says what it must be.
    """
    _require(_REGION.fullmatch(value), "must be a region like europe-west1, without a zone")
    return value


def bucket_name(value: str) -> str:
    """
    Check the name of a bucket.

    Source: https://cloud.google.com/storage/docs/buckets#naming

    :param value: the name.
    :raises ValueError: says what it must be.
    """
    _require("/" not in value, "must be the bare name of a bucket, without gs:// and without a path")
    _require(
        _BUCKET.fullmatch(value) and all(len(part) <= 63 for part in value.split(".")),
        "must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens, underscores and dots,"
        " the first and the last one a letter or a digit",
    )
    _require(not re.search(r"\.[.-]|-\.", value), "must not have a dot next to another one or to a hyphen")
    _require(not _IP_ADDRESS.fullmatch(value), "must not be an IP address")
    _require(
        not value.startswith("goog") and "google" not in value and "g00gle" not in value,
        "must not begin with goog or contain google: Google reserves them",
    )
    return value


def gcs_uri(value: str) -> str:
    """
    Check the URI of a bucket, or of an object or a folder in it.

    Cloud Storage takes nearly every character; these are the ones that need no escape anywhere.
    Source: https://cloud.google.com/storage/docs/objects#naming

    :param value: the URI.
    :raises ValueError: says what it must be.
    """
    _require(value.startswith("gs://"), "must begin with gs://")
    bucket, slash, path = value.removeprefix("gs://").partition("/")
    try:
        bucket_name(bucket)
    except ValueError as error:
        raise ValueError(f"{error}, after gs://") from None
    if slash and path:
        object_path(path.removesuffix("/"))
    return value


def object_path(value: str) -> str:
    """
    Check the path of an object or a folder in a bucket.

    :param value: without the bucket, and without a slash at either end.
    :raises ValueError: says what it must be.
    """
    _require(
        _OBJECT.fullmatch(value) and not {".", ".."}.intersection(value.split("/")),
        "must have a path of letters, digits and ._=- between single slashes, after the bucket",
    )
    _require(len(value) <= _MOST_PATH_LENGTH, f"must have a path of at most {_MOST_PATH_LENGTH} characters")
    return value


def bigquery_id(value: str) -> str:
    """
    Check the id of a dataset or a table, without those that contain it.

    A table's may have more characters; these are the ones that need no quotes in SQL.
    Sources: https://cloud.google.com/bigquery/docs/datasets#dataset-naming,
    https://cloud.google.com/bigquery/docs/tables#table_naming

    :param value: the id.
    :raises ValueError: says what it must be.
    """
    _require(_BIGQUERY_ID.fullmatch(value), "must be 1 to 1024 letters, digits and underscores")
    return value


def column_name(value: str) -> str:
    """
    Check the name of a column.

    Source: https://cloud.google.com/bigquery/docs/schemas#column_names

    :param value: the name.
    :raises ValueError: says what it must be.
    """
    _require(
        _COLUMN.fullmatch(value),
        "must be the name of a column: at most 300 letters, digits and underscores, the first one no digit",
    )
    return value


def resource_id(value: str) -> str:
    """
    Check the name of a Composer environment or of a repository in Artifact Registry.

    Sources: https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments,
    https://cloud.google.com/artifact-registry/docs/repositories/create-repos

    :param value: the name.
    :raises ValueError: says what it must be.
    """
    _require(
        _RESOURCE.fullmatch(value),
        "must be 1 to 63 lower-case letters, digits and hyphens, the first one a letter,"
        " the last one no hyphen",
    )
    return value


def account_id(value: str) -> str:
    """
    Check the id of a service account: the part of its e-mail address before the @.

    Source: https://cloud.google.com/iam/docs/service-accounts-create

    :param value: the id.
    :raises ValueError: says what it must be.
    """
    _require(
        _PROJECT.fullmatch(value),
        "must be the id of a service account: 6 to 30 lower-case letters, digits and hyphens,"
        " the first one a letter, the last one no hyphen",
    )
    return value


def service_account(value: str) -> str:
    """
    Check the e-mail address of a service account.

    Source: https://cloud.google.com/iam/docs/service-account-types

    :param value: the address.
    :raises ValueError: says what it must be.
    """
    _require(
        _SERVICE_ACCOUNT.fullmatch(value),
        "must be the e-mail address of a service account, like NAME@PROJECT.iam.gserviceaccount.com",
    )
    return value


def label_value(value: str) -> str:
    """
    Check the value of a label, which must not be empty here.

    Source: https://cloud.google.com/resource-manager/docs/labels-overview#requirements

    :param value: the value.
    :raises ValueError: says what it must be.
    """
    _require(_LABEL.fullmatch(value), "must be 1 to 63 lower-case letters, digits, hyphens and underscores")
    return value


def email(value: str) -> str:
    """
    Check an e-mail address: one, of an internet domain.

    Source: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address, with a dot in the domain

    :param value: the address.
    :raises ValueError: says what it must be.
    """
    _require(
        _EMAIL.fullmatch(value) and len(value) <= _MOST_EMAIL_LENGTH,
        "must be one e-mail address, like name@example.com",
    )
    return value


def notification_channel(value: str) -> str:
    """
    Check the name of a channel of Cloud Monitoring.

    Source: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels

    :param value: the resource name.
    :raises ValueError: says what it must be.
    """
    _require(_CHANNEL.fullmatch(value), "must be like projects/PROJECT/notificationChannels/ID")
    return value


def kms_key(value: str) -> str:
    """
    Check the name of a key of Cloud KMS.

    Source: https://cloud.google.com/kms/docs/resource-hierarchy#retrieve_resource_id

    :param value: the resource name.
    :raises ValueError: says what it must be.
    """
    _require(
        _KMS_KEY.fullmatch(value),
        "must be like projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY",
    )
    return value


def machine_type(value: str) -> str:
    """
    Check the form of a machine type.

    Source: https://cloud.google.com/compute/docs/machine-resource#naming

    :param value: the type.
    :raises ValueError: says what it must be.
    """
    _require(_MACHINE.fullmatch(value), "must be like n1-standard-4")
    return value


def image_name(value: str) -> str:
    """
    Check the name of a container image with its registry.

    Source: https://github.com/distribution/reference/blob/main/reference.go

    :param value: the name.
    :raises ValueError: says what it must be.
    """
    _require(
        _IMAGE.fullmatch(value), "must be like REGISTRY/PATH/NAME:TAG or REGISTRY/PATH/NAME@sha256:DIGEST"
    )
    return value


WineName = Annotated[str, AfterValidator(wine_name)]
ProjectId = Annotated[str, AfterValidator(project_id)]
Region = Annotated[str, AfterValidator(region)]
BucketName = Annotated[str, AfterValidator(bucket_name)]
GcsUri = Annotated[str, AfterValidator(gcs_uri)]
BigQueryId = Annotated[str, AfterValidator(bigquery_id)]
ColumnName = Annotated[str, AfterValidator(column_name)]
ResourceId = Annotated[str, AfterValidator(resource_id)]
AccountId = Annotated[str, AfterValidator(account_id)]
ServiceAccount = Annotated[str, AfterValidator(service_account)]
LabelValue = Annotated[str, AfterValidator(label_value)]
MachineType = Annotated[str, AfterValidator(machine_type)]
Email = Annotated[str, AfterValidator(email)]
NotificationChannel = Annotated[str, AfterValidator(notification_channel)]
KmsKey = Annotated[str, AfterValidator(kms_key)]
