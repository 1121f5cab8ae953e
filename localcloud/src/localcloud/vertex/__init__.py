"""
Vertex AI on one machine: the API derived from Google's own client library, the state in SQLite.

How a service joins in: it is any object with a method ``handlers() -> dict[str, Callable]``. A key is
``"PipelineService.CreatePipelineJob"`` (a service of ``google.cloud.aiplatform.v1``) or a full gRPC method
path such as ``"/google.longrunning.Operations/GetOperation"``. A handler takes the request message
(proto-plus if the client library uses it) and returns the response message; a long-running method returns
``google.longrunning.operations_pb2.Operation`` (see ``operations.Operations.start``). It raises
``google.api_core.exceptions`` (``NotFound``, ``InvalidArgument``, ``FailedPrecondition``, ...), which become
the gRPC status and the REST error. Handlers run on server threads, several at once.

Resource names in a request (the fields that the REST paths name: ``name``, ``parent``, ``endpoint``,
``model.name``, ...) arrive checked against their pattern and normalised to the project number. A method
without a handler answers UNIMPLEMENTED.
"""

from localcloud.vertex.service import VertexService

__all__ = ["VertexService"]
