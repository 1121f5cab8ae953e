"""The pipeline jobs in a list response, and the fields of each."""

from __future__ import annotations

from google.cloud.aiplatform_v1.types import PipelineJob
from google.protobuf import field_mask_pb2

from localcloud.vertex.resources import masks
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import id_of

QUERYABLE = Queryable(
    message=PipelineJob,
    filterable=(
        "display_name",
        "state",
        "create_time",
        "update_time",
        "end_time",
        "labels",
        "template_uri",
        "template_metadata.version",
    ),
    orderable=("create_time", "update_time", "end_time", "start_time"),
    computed={
        "pipeline_name": lambda job: pipeline_name(job),
        "pipeline_job_user_id": lambda job: id_of(job.name),
    },
    wildcards=("display_name", "pipeline_job_user_id", "template_uri", "template_metadata.version"),
)
_PIPELINE_INFO = "pipelineInfo"


def pipeline_name(job: PipelineJob) -> str:
    """Return the name of a job's pipeline."""
    return PipelineJob.pb(job).pipeline_spec.fields[_PIPELINE_INFO].struct_value.fields["name"].string_value


def listed(job: PipelineJob, mask: field_mask_pb2.FieldMask) -> PipelineJob:
    """
    Return what a list shows of a job: all that its read mask names but ``job_detail``.

    The proto says of that field: "Not available in the list view"
    (google/cloud/aiplatform/v1/pipeline_job.proto).

    :param job: the whole job.
    :param mask: as :func:`masked` takes it.
    :raises google.api_core.exceptions.InvalidArgument: a path that PipelineJob does not have.
    """
    shown = PipelineJob()
    PipelineJob.pb(shown).CopyFrom(PipelineJob.pb(masked(job, mask)))
    PipelineJob.pb(shown).ClearField("job_detail")
    return shown


def masked(job: PipelineJob, mask: field_mask_pb2.FieldMask) -> PipelineJob:
    """
    Return the fields of a job that a read mask names.

    :param job: the whole job.
    :param mask: paths in snake_case; empty or ``*`` means everything.
    :raises google.api_core.exceptions.InvalidArgument: a path that PipelineJob does not have.
    """
    paths = list(mask.paths)
    if paths in ([], ["*"]):
        return job
    source, target = PipelineJob.pb(job), PipelineJob.pb(PipelineJob())
    for path in list(paths):
        # the specification is free-form JSON, which a field mask cannot enter
        if path.startswith("pipeline_spec."):
            key = _PIPELINE_INFO if path == "pipeline_spec.pipeline_info" else path.partition(".")[2]
            if key in source.pipeline_spec.fields:
                target.pipeline_spec.fields[key].CopyFrom(source.pipeline_spec.fields[key])
            paths.remove(path)
    if paths:
        target.MergeFrom(PipelineJob.pb(masks.read(job, field_mask_pb2.FieldMask(paths=paths))))
    return PipelineJob.wrap(target)
