"""Pages of the console as a browser gets them, and the pipeline jobs that they show."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from google.cloud import aiplatform_v1 as v1
from tests.console import links
from tests.vertex.pipelines.specs import Pipeline
from tests.vertex.vertex_clients import API, BUCKET

from localcloud.testing import eventually


@dataclass(frozen=True)
class Answer:
    """The response of the gateway's port to plain HTTP."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def text(self) -> str:
        """Return the visible text: without tags, with single spaces."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.body)).split())

    @property
    def links(self) -> list[str]:
        """Return the targets of its links, in order."""
        return [html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]*)"', self.body)]

    def inside(self, id_: str) -> str:
        """Return the text of the element with an id, up to its end tag of the same name."""
        found = re.search(rf'<(\w+)[^>]* id="{re.escape(id_)}"[^>]*>(.*?)</\1>', self.body, re.DOTALL)
        assert found, f"there is no {id_} in {self.text}"
        return html.unescape(re.sub(r"<[^>]*>", " ", found[2])).strip()

    def graph(self) -> ElementTree.Element:
        """Return the SVG of the graph."""
        found = re.search(r"<svg.*?</svg>", self.body, re.DOTALL)
        assert found, f"there is no graph in {self.text}"
        return ElementTree.fromstring(found[0])

    def task_states(self) -> dict[str, str]:
        """Return the state of each task in the graph."""
        return {box.attrib["data-task"]: box.attrib["data-state"] for box in self.graph().iter("g")}


Browse = Callable[..., Answer]


class Jobs:
    """
    Runs pipeline jobs by the API.

    :param location: name of the location.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._client = v1.PipelineServiceClient(client_options=API)

    def create(self, pipeline: Pipeline, **fields: Any) -> v1.PipelineJob:
        """Start a job; keywords are parameters of the pipeline, or fields of the job in capitals."""
        for executor in pipeline.executors.values():
            # the gateway's host: tasks reach it like any client
            address = {"name": "STORAGE_URL", "value": "https://storage.googleapis.com"}
            executor.get("container", {})["env"] = [address]
        parameters = {key: value for key, value in fields.items() if key.islower()}
        job = pipeline.job(BUCKET, **parameters)
        for key in fields.keys() - parameters.keys():
            setattr(job, key.lower(), fields[key])
        return self._client.create_pipeline_job(
            parent=self._location, pipeline_job=job, pipeline_job_id=f"job-{uuid.uuid4().hex[:8]}"
        )

    def run(self, pipeline: Pipeline, **fields: Any) -> v1.PipelineJob:
        """Start a job and wait for its end."""
        return self.until(self.create(pipeline, **fields), lambda job: bool(job.end_time))

    def until(self, job: v1.PipelineJob, condition: Callable[[v1.PipelineJob], bool]) -> v1.PipelineJob:
        """Wait until a job is in a condition."""
        return eventually(lambda: self._client.get_pipeline_job(name=job.name), condition, every=0.05)


def metadata(**values: Any) -> str:
    """Return the parameter by which the module ``produce`` sets the metadata of its outputs."""
    return json.dumps(values)


def job_page(job: v1.PipelineJob) -> str:
    """Return the path of a job's page, which is that of Google's console."""
    return links.of(links.PIPELINE_JOB, job.name)


def static_files() -> Path:
    """Return the folder of the style sheet and the script."""
    from localcloud.console import app

    return Path(app.__file__).with_name("static")
