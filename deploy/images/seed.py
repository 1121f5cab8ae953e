"""Gives a new localcloud the wines and the compiled pipelines; what is there stays, but for the pointers."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wine_pipeline.__main__ import main as wine_pipeline

from deploy.composer import specs
from deploy.wines import load_data
from deploy.wines.wine_tables import read_wine_tables

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

BUCKET = os.environ["WINE_BUCKET"]


def publish(bucket: Bucket, wine: str) -> str:
    """
    Compile the pipeline of a wine, upload it unless it is there, and let new runs use it.

    :return: one line that says what was done.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"wine-{wine}.json"
        if wine_pipeline(["compile", "--wine", wine, "--output", str(path)]):
            raise SystemExit(f"the pipeline of {wine} cannot be compiled")
        return f"new runs use {specs.publish(bucket, wine, path.read_bytes())}"


def main() -> int:
    """Seed the deployment; return the exit code."""
    if code := load_data.main([]):
        return code
    from google.cloud.storage import Client

    client = Client()
    bucket = client.lookup_bucket(BUCKET) or client.create_bucket(BUCKET)
    for wine in read_wine_tables().wines:
        print(publish(bucket, wine), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
