from __future__ import annotations

import json

import pytest

SCRIPT = """
import json, sys
import tensorflow as tf
files, root = tf.io.gfile, sys.argv[1]
seen = {}
files.makedirs(root + "/model/1")
seen["made"] = [files.isdir(root + "/model/1"), files.listdir(root + "/model")]
for name, content in {"empty": "", "small": "wine", "big": "w" * 3_000_000}.items():
    with files.GFile(f"{root}/model/1/{name}", "w") as file:
        file.write(content)
with files.GFile(root + "/model/1/small", "a") as file:
    file.write("!")
seen["written"] = [files.stat(f"{root}/model/1/{name}").length for name in ("empty", "small", "big")]
files.rename(root + "/model/1", root + "/model/2")
seen["renamed"] = [files.isdir(root + "/model/1"), sorted(files.listdir(root + "/model/2"))]
seen["globbed"] = files.glob(root + "/model/*/sm*")
with files.GFile(root + "/model/2/small") as file:
    seen["read"] = file.read()
files.copy(root + "/model/2/small", root + "/copy", overwrite=True)
files.rmtree(root + "/model")
seen["left"] = sorted(name for _, _, names in files.walk(root) for name in names)
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen(cloud, pipeline_python, client) -> dict:
    """Return the output of TensorFlow's gs:// file system, in a process of the pipeline environment."""
    client.create_bucket("tensorflow")
    done = cloud.client(str(pipeline_python), "-c", SCRIPT, "gs://tensorflow/root")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_empty_folder_is_a_folder(seen):
    assert seen["made"] == [True, ["1/"]]


def test_files_of_every_size_are_written_and_appended_to(seen):
    assert seen["written"] == [0, 5, 3_000_000]


def test_a_folder_is_renamed_with_all_its_files(seen):
    assert seen["renamed"] == [False, ["big", "empty", "small"]]


def test_files_are_found_and_read(seen):
    assert seen["globbed"] == ["gs://tensorflow/root/model/2/small"]
    assert seen["read"] == "wine!"


def test_a_folder_is_removed_with_all_its_files(seen):
    assert seen["left"] == ["copy"]


def test_the_client_for_python_reads_what_tensorflow_wrote(seen, client):
    assert client.bucket("tensorflow").blob("root/copy").download_as_bytes() == b"wine!"
