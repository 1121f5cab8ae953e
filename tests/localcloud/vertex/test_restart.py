"""What survives when localcloud is killed and started again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

_BEFORE = """
import sys
from pathlib import Path
from google.cloud import aiplatform, storage

folder = Path(sys.argv[1])
bucket = storage.Client().create_bucket("restart")
for path in folder.rglob("*"):
    if path.is_file():
        bucket.blob(f"wine/{path.relative_to(folder)}").upload_from_filename(str(path))
aiplatform.init(project="wine-local", location="europe-west1")
image = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
model = aiplatform.Model.upload(
    display_name="wine", artifact_uri="gs://restart/wine", serving_container_image_uri=image
)
endpoint = model.deploy(machine_type="n1-standard-2")
print("endpoint", endpoint.resource_name, endpoint.list_models()[0].id)
"""
_AFTER = """
import sys
from google.cloud import aiplatform

aiplatform.init(project="wine-local", location="europe-west1")
answer = aiplatform.Endpoint(sys.argv[1]).predict(instances=[{"examples": {"b64": sys.argv[2]}}])
print("grade", round(answer.predictions[0]["grade"][0], 3), answer.deployed_model_id)
"""


def test_a_deployed_model_answers_again_after_a_kill(make_cloud: Callable[[], Any], wine: Any) -> None:
    cloud = make_cloud()
    try:
        # given a localcloud with a deployed model
        cloud.start()
        before = cloud.client(sys.executable, "-c", _BEFORE, str(wine.folder))
        assert before.returncode == 0, before.stderr[-2000:]
        endpoint, deployed_id = before.stdout.rpartition("endpoint ")[2].split()

        # when it is killed and started again
        cloud.kill()
        cloud.start()

        # then the same deployed model answers
        after = cloud.client(sys.executable, "-c", _AFTER, endpoint, wine.example)
        assert after.stdout.split()[-3:] == ["grade", "6.9", deployed_id], after.stderr[-2000:]
        assert cloud.stop() == 0, cloud.output
    finally:
        cloud.kill()
