"""gcsfs and pandas on ``gs://``, in a process of its own: they read their configuration at import."""

from __future__ import annotations

import sys
import uuid

import pytest

from localcloud.testing import Cloud

PROGRAM = """
import sys
import gcsfs
import pandas

bucket = sys.argv[1]
files = gcsfs.GCSFileSystem()
files.mkdir(bucket, location="EU")
frame = pandas.DataFrame({"quality": [5, 6]})
frame.to_csv(f"gs://{bucket}/a/wine.csv", index=False)
assert pandas.read_csv(f"gs://{bucket}/a/wine.csv").equals(frame)
frame.to_parquet(f"gcs://{bucket}/wine.parquet")
assert pandas.read_parquet(f"gs://{bucket}/wine.parquet").equals(frame)
with files.open(f"gs://{bucket}/big", "wb") as file:
    file.write(bytes(6_000_000))
assert files.info(f"{bucket}/big")["size"] == 6_000_000
files.mv(f"{bucket}/big", f"{bucket}/moved")
assert files.find(bucket) == [f"{bucket}/a/wine.csv", f"{bucket}/moved", f"{bucket}/wine.parquet"]
files.rm(bucket, recursive=True)
assert not files.exists(bucket)
"""


def test_pandas_and_gcsfs_work_on_a_bucket(cloud: Cloud) -> None:
    pytest.importorskip("gcsfs", reason="gcsfs is not installed")

    done = cloud.client(sys.executable, "-c", PROGRAM, f"gcsfs-{uuid.uuid4().hex}")

    assert done.returncode == 0, done.stderr
