from __future__ import annotations

import json

SCRIPT = """
import json, sys
from apache_beam.io.filesystems import FileSystems
root, seen = sys.argv[1], {}
for name in ("part-0", "part-1"):
    with FileSystems.create(f"{root}/{name}") as file:
        file.write(name.encode())
seen["matched"] = [file.path for file in FileSystems.match([f"{root}/part-*"])[0].metadata_list]
FileSystems.rename([f"{root}/part-0"], [f"{root}/done-0"])
with FileSystems.open(f"{root}/done-0") as file:
    seen["read"] = file.read().decode()
FileSystems.delete([f"{root}/part-1"])
seen["left"] = [name for name in ("part-0", "part-1", "done-0") if FileSystems.exists(f"{root}/{name}")]
print(json.dumps(seen))
"""


def test_beam_writes_matches_renames_reads_and_deletes(cloud, pipeline_python, bucket):
    root = f"gs://{bucket.name}/tmp"

    done = cloud.client(str(pipeline_python), "-c", SCRIPT, root)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "matched": [f"{root}/part-0", f"{root}/part-1"],
        "read": "part-0",
        "left": ["done-0"],
    }
