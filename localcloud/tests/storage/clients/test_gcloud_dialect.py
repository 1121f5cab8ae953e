"""What gcloud's own HTTP library does differently from the other clients."""

from __future__ import annotations

import requests
from google.cloud import storage

API = "https://storage.googleapis.com"


def test_an_upload_may_have_its_boundary_in_single_quotes(bucket: storage.Bucket):
    boundary = "===============1=="
    body = (
        f'--{boundary}\r\nContent-Type: application/json\r\n\r\n{{"name": "quoted"}}\r\n'
        f"--{boundary}\r\nContent-Type: text/plain\r\n\r\ncontent\r\n--{boundary}--\r\n"
    )

    answer = requests.post(
        f"{API}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart",
        data=body,
        headers={"Content-Type": f"multipart/related; boundary='{boundary}'"},
        timeout=60,
    )

    assert answer.status_code == 200, answer.text
    assert bucket.blob("quoted").download_as_text() == "content"


def test_a_deletion_is_answered_without_content(bucket: storage.Bucket):
    bucket.blob("gone").upload_from_string("x")

    deleted = requests.delete(f"{API}/storage/v1/b/{bucket.name}/o/gone", timeout=60)
    again = requests.delete(f"{API}/storage/v1/b/{bucket.name}/o/gone", timeout=60)
    whole = requests.delete(f"{API}/storage/v1/b/{bucket.name}", timeout=60)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert again.status_code == 404
    assert (whole.status_code, whole.content) == (204, b"")
