from __future__ import annotations

import uuid

import pytest
from google.cloud import storage
from tests.storage.served import Served


@pytest.fixture(scope="session")
def client(cloud) -> storage.Client:
    """Return Google's own client, as a user creates it."""
    return storage.Client()


@pytest.fixture
async def served(tmp_path):
    """Serve Cloud Storage alone, with the bucket ``wine``."""
    served = Served(tmp_path / "state")
    async with served.client:
        yield served
    served.store.close()


@pytest.fixture
def bucket(client) -> storage.Bucket:
    """Return a bucket of the test's own."""
    return client.create_bucket(f"test-{uuid.uuid4().hex}")
