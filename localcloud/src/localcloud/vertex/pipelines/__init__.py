"""Pipeline jobs: the compiled specification, run task by task in the pipeline environment."""

from localcloud.vertex.pipelines.service import PipelineService

__all__ = ["PipelineService"]
