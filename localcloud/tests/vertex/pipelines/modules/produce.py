"""
A container command: sets the metadata of its output artifacts from the task's parameter ``metadata``.

With the parameter ``fail`` it ends with that text; with ``wait_for`` it waits until that file exists. It
writes down, next to its outputs, the ExecutorInput that it got.
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path


def upload(uri: str, content: str) -> None:
    """Write an object."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    query = urllib.parse.urlencode({"uploadType": "media", "name": name})
    url = f"{os.environ['STORAGE_URL']}/upload/storage/v1/b/{bucket}/o?{query}"
    urllib.request.urlopen(urllib.request.Request(url, content.encode(), method="POST")).close()


def report(output_file: str, executor_output: dict) -> None:
    """Write the ExecutorOutput, as TFX and KFP do."""
    os.makedirs(os.path.dirname(output_file), exist_ok=True)
    with open(output_file, "w") as file:
        json.dump(executor_output, file)


def main(executor_input: dict) -> None:
    """Run as the parameters define."""
    parameters = executor_input["inputs"]["parameterValues"]
    print("started with", parameters)
    while "wait_for" in parameters and not Path(parameters["wait_for"]).exists():
        time.sleep(0.02)
    if "fail" in parameters:
        sys.exit(parameters["fail"])
    outputs = executor_input["outputs"]
    metadata = json.loads(parameters.get("metadata", "{}"))
    names = {key: value["artifacts"] for key, value in executor_input["inputs"]["artifacts"].items()}
    for key, value in metadata.items():
        # an input's name stands for the resource name of its artifact
        metadata[key] = names[value][0]["name"] if value in names else value
    artifacts = {
        key: {"artifacts": [{**value["artifacts"][0], "metadata": metadata}]}
        for key, value in outputs["artifacts"].items()
    }
    seen = {**executor_input, "region": os.environ["CLOUD_ML_REGION"]}
    folder = Path(outputs["outputFile"]).parent.as_posix().rpartition("/gcs/")[2]
    upload(f"gs://{folder}/executor_input.json", json.dumps(seen))
    report(outputs["outputFile"], {"artifacts": artifacts})


if __name__ == "__main__":
    main(json.loads(sys.argv[sys.argv.index("--input") + 1]))
