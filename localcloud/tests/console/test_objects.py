"""Objects of Cloud Storage in a browser, at the path for which Google uses a separate host."""

from __future__ import annotations

import pytest

PAGE = "<!DOCTYPE html><style>p { color: red }</style><p>Card</p><script>alert(1)</script>"
NAME = "cards/Model Card/ä 100%?#.html"
PATH = "/storage.cloud.google.com/{bucket}/cards/Model%20Card/%C3%A4%20100%25%3F%23.html"


@pytest.fixture(scope="module")
def path(bucket) -> str:
    """Return the path of a page in the bucket."""
    bucket.blob(NAME).upload_from_string(PAGE, content_type="text/html; charset=utf-8")
    return PATH.format(bucket=bucket.name)


def test_a_page_is_shown_as_what_it_is(browse, path):
    answer = browse(path)

    assert answer.status == 200
    assert answer.body == PAGE
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_page_runs_nothing_loads_nothing_and_is_nobodys(browse, path):
    policy = browse(path).headers["Content-Security-Policy"].split("; ")

    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert not any(each.startswith(("script-src", "connect-src")) for each in policy)
    assert browse(path).headers["X-Content-Type-Options"] == "nosniff"


def test_an_object_that_is_not_there_is_named(browse, bucket):
    answer = browse(f"/storage.cloud.google.com/{bucket.name}/no/card.html")

    assert answer.status == 404
    assert answer.inside("message") == f"Not found: gs://{bucket.name}/no/card.html"


def test_objects_are_only_read(browse, path):
    assert browse(path, "DELETE").status == 405
    assert browse(path).status == 200
