"""
The lab's command line, whose job learns nothing: the tasks that do report what an earlier job has made.

``python -m tests.pipeline.commands.submit.replayed_launch JOB FLAG...``; the other tasks run as compiled.
"""

from __future__ import annotations

import sys
from typing import Any

from google.cloud.aiplatform_v1 import PipelineServiceClient
from wine_pipeline import __main__
from wine_pipeline.commands import compile

from dev.faults.replay import made_by, replay

REPLAYED = {
    "BigQueryExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "Evaluator",
    "MetricsReporter",
    "ModelCard",
}


def main(job: str, flags: list[str]) -> int:
    region = job.split("/")[3]
    client = PipelineServiceClient(client_options={"api_endpoint": f"{region}-aiplatform.googleapis.com"})
    made = made_by(client.get_pipeline_job(name=job))
    compiled = compile.compile_pipeline

    def replayed(*arguments: Any, **options: Any) -> dict[str, Any]:
        return replay(compiled(*arguments, **options), {name: made[name] for name in REPLAYED})

    compile.compile_pipeline = replayed
    return __main__.main(["run", *flags])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
