"""
The JSON API of Cloud Storage as Google's clients expect it, in front of the storage server.

Every method that is served has its route here; the rest is refused by name. The server ignores what it
does not know, so that what would change an answer is done here or refused here.

Source: https://cloud.google.com/storage/docs/json_api
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

from localcloud.config import Settings
from localcloud.errors import ApiError, error_middleware, not_served
from localcloud.faults import Faults, serves
from localcloud.storage import batch, listing, names, preconditions, uploads
from localcloud.storage.batch import Destination, ObjectCall
from localcloud.storage.upstream import Answer, Upstream, passed_on

# Whole bodies are read only of multipart uploads, batches and metadata; content is streamed.
LARGEST_BODY = 512 * 1024**2
BLOCK = 256 * 1024
BUCKET_FIELDS = frozenset({"kind", "name", "location"})


class Front:
    """
    Handles the requests of the JSON API.

    :param upstream: the storage server.
    :param settings: names the one project there is.
    """

    def __init__(self, upstream: Upstream, settings: Settings) -> None:
        self.upstream = upstream
        self.settings = settings
        # what a precondition saw must still be so when the change is made
        self._conditional = asyncio.Lock()

    @serves("storage.buckets.insert")
    async def insert_bucket(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.insert``."""
        self._check_project(request)
        bucket: dict[str, Any] = json.loads(await request.read())
        for unknown in sorted(bucket.keys() - BUCKET_FIELDS):
            raise not_served(f"the field {unknown} of storage.buckets.insert")
        names.bucket_path(bucket.get("name", ""))
        body = json.dumps(bucket).encode()
        headers = {"Content-Type": "application/json"}
        return _response(self._owned(await self.upstream.call("POST", "/storage/v1/b", {}, headers, body)))

    @serves("storage.buckets.list")
    async def list_buckets(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.list``."""
        self._check_project(request)
        answer = await self.upstream.call("GET", "/storage/v1/b")
        buckets = answer.json()
        prefix = request.query.get("prefix", "")
        buckets["items"] = [item for item in buckets.get("items", []) if item["name"].startswith(prefix)]
        return _response(self._owned(Answer.of(buckets)))

    @serves(GET="storage.buckets.get", DELETE="storage.buckets.delete")
    async def bucket(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.get`` and ``delete``."""
        preconditions.refuse_ignored(request.query)
        answer = await self.upstream.call(request.method, _bucket_path(request))
        if request.method == "GET":
            return _response(self._owned(answer))
        if answer.status == 412:
            message = "The bucket you tried to delete is not empty."
            raise ApiError(409, "FAILED_PRECONDITION", message, "conflict")
        return _response(_deleted(answer))

    @serves("storage.buckets.getStorageLayout")
    async def storage_layout(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.getStorageLayout``; TensorFlow asks before it renames a folder."""
        answer = await self.upstream.call("GET", _bucket_path(request))
        if answer.status != 200:
            return _response(answer)
        layout = {
            "kind": "storage#storageLayout",
            "bucket": request.match_info["bucket"],
            "location": answer.json()["location"],
            "locationType": "multi-region",
            "hierarchicalNamespace": {"enabled": False},
        }
        return _response(Answer.of(layout))

    @serves("storage.objects.list")
    async def list_objects(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.list``."""
        path = f"{_bucket_path(request)}/o"
        return _response(await listing.list_objects(self.upstream, path, dict(request.query)))

    @serves(
        GET="storage.objects.get",
        PATCH="storage.objects.patch",
        PUT="storage.objects.update",
        DELETE="storage.objects.delete",
    )
    async def object(self, request: web.Request) -> web.StreamResponse:
        """Serve ``storage.objects.get``, ``patch``, ``update`` and ``delete``."""
        if request.method == "GET" and request.query.get("alt") == "media":
            return await self.download(request)
        match = request.match_info
        body = await request.read()
        headers = dict(request.headers)
        query = dict(request.query)
        call = ObjectCall(request.method, match["bucket"], match["object"], query, headers, body)
        return _response(await self.object_call(call))

    async def object_call(self, call: ObjectCall) -> Answer:
        """
        Carry out a call about an object, whether it came alone or in a batch.

        :param call: what to do.
        """
        if call.destination:
            return await self._copy(call, call.destination)
        async with self._checked(call.bucket, call.name, call.query, reads=call.method == "GET"):
            path = names.object_path(call.bucket, call.name)
            answer = await self.upstream.call(call.method, path, call.query, call.headers, call.body or None)
        return _deleted(answer) if call.method == "DELETE" else answer

    @serves("storage.objects.get")
    async def download(self, request: web.Request) -> web.StreamResponse:
        """Serve an object's content, as the JSON and the XML API give it."""
        bucket, name = request.match_info["bucket"], request.match_info["object"]
        preconditions.refuse_ignored(request.query)
        await preconditions.check(self.upstream, bucket, name, request.query, reads=True)
        query = {"alt": "media"}
        if "generation" in request.query:
            query["generation"] = request.query["generation"]
        path = f"/download{names.object_path(bucket, name)}"
        async with self.upstream.open(request.method, path, query, request.headers) as answer:
            if answer.status == 404:
                return web.Response(status=404, text=f"No such object: {bucket}/{name}")
            response = web.StreamResponse(status=answer.status, headers=passed_on(answer.headers))
            if answer.status == 416:
                # the Python client learns from this header that an object is empty
                found = (await self.upstream.call("GET", names.object_path(bucket, name))).json()
                response.headers["Content-Range"] = f"bytes */{found.get('size', 0)}"
            await response.prepare(request)
            async for block in answer.content.iter_chunked(BLOCK):
                await response.write(block)
            await response.write_eof()
            return response

    @serves("storage.objects.compose")
    async def compose(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.compose``."""
        bucket, name = request.match_info["bucket"], request.match_info["object"]
        order: dict[str, Any] = json.loads(await request.read())
        async with self._checked(bucket, name, request.query):
            for source in order.get("sourceObjects", []):
                wanted = source.pop("objectPreconditions", {})
                await preconditions.check(self.upstream, bucket, source["name"], _texts(wanted))
                source["name"] = names.encode(source["name"])
            path = f"{names.object_path(bucket, name)}/compose"
            body = json.dumps(order).encode()
            headers = {"Content-Type": "application/json"}
            return _response(await self.upstream.call("POST", path, {}, headers, body))

    @serves("storage.objects.rewrite")
    async def copy(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.rewrite`` and ``copy``; a rewrite is always done at once."""
        match = request.match_info
        destination = Destination(match["verb"], match["to_bucket"], match["to_object"])
        query, headers, body = dict(request.query), dict(request.headers), await request.read()
        call = ObjectCall("POST", match["bucket"], match["object"], query, headers, body, destination)
        return _response(await self.object_call(call))

    async def _copy(self, call: ObjectCall, destination: Destination) -> Answer:
        target = names.object_path(destination.bucket, destination.name).removeprefix("/storage/v1")
        path = f"{names.object_path(call.bucket, call.name)}/{destination.verb}{target}"
        async with self._checked(destination.bucket, destination.name, call.query):
            await preconditions.check(self.upstream, call.bucket, call.name, call.query, kind="ifSource")
            return await self.upstream.call("POST", path, call.query, call.headers, call.body)

    @serves("storage.objects.insert")
    async def upload(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.insert``."""
        preconditions.refuse_ignored(request.query)
        if preconditions.conditional(request.query):
            # a slow client must not hold the lock
            await request.read()
        async with self._if_conditional(request.query):
            return _response(await uploads.insert(self.upstream, request))

    @serves("storage.objects.insert")
    async def resume_upload(self, request: web.Request) -> web.Response:
        """Serve the later requests of a resumable upload."""
        return _response(await uploads.resume(self.upstream, request))

    @serves("storage.batch")
    async def batch(self, request: web.Request) -> web.Response:
        """Serve a batch of calls about objects."""
        return await batch.answer(request, self.object_call)

    @contextlib.asynccontextmanager
    async def _checked(
        self, bucket: str, name: str, query: Mapping[str, str], *, reads: bool = False
    ) -> AsyncIterator[None]:
        preconditions.refuse_ignored(query)
        async with self._if_conditional(query):
            await preconditions.check(self.upstream, bucket, name, query, reads=reads)
            yield

    def _if_conditional(self, query: Mapping[str, str]) -> contextlib.AbstractAsyncContextManager[None]:
        return self._conditional if preconditions.conditional(query) else contextlib.nullcontext()

    def _owned(self, answer: Answer) -> Answer:
        """Write the project into buckets: the Vertex SDK refuses one that is not its project's."""
        if answer.status != 200:
            return answer
        content = answer.json()
        for bucket in content.get("items", [content]):
            bucket["projectNumber"] = self.settings.project_number
        return Answer.of(content)

    def _check_project(self, request: web.Request) -> None:
        project = request.query.get("project", "")
        if project not in (self.settings.project, self.settings.project_number):
            message = f"localcloud has the project {self.settings.project} only, not {project or '(none)'}"
            raise ApiError(403, "PERMISSION_DENIED", message, "forbidden")


def create_app(base_url: str, settings: Settings, faults: Faults) -> web.Application:
    """
    Make the application that answers for storage.googleapis.com.

    :param base_url: address of the storage server.
    :param settings: names the one project there is.
    :param faults: what goes wrong on purpose.
    """
    upstream = Upstream(base_url)
    front = Front(upstream, settings)
    app = web.Application(middlewares=[error_middleware, faults.middleware()], client_max_size=LARGEST_BODY)

    async def connected(_: web.Application) -> AsyncIterator[None]:
        await upstream.start()
        yield
        await upstream.close()

    app.cleanup_ctx.append(connected)
    bucket = "/storage/v1/b/{bucket}"
    one = bucket + "/o/{object}"
    routes = [
        web.post("/storage/v1/b", front.insert_bucket),
        web.get("/storage/v1/b", front.list_buckets),
        web.get(bucket, front.bucket),
        web.delete(bucket, front.bucket),
        web.get(bucket + "/storageLayout", front.storage_layout),
        web.get(bucket + "/o", front.list_objects),
        *(web.route(method, one, front.object) for method in ("GET", "PATCH", "PUT", "DELETE")),
        web.post(one + "/compose", front.compose),
        web.post(one + "/{verb:rewriteTo|copyTo}/b/{to_bucket}/o/{to_object}", front.copy),
        web.get("/download" + one, front.download),
        web.post("/upload" + bucket + "/o", front.upload),
        web.put("/upload" + bucket + "/o", front.resume_upload),
        web.delete("/upload" + bucket + "/o", front.resume_upload),
        web.post("/batch/storage/v1", front.batch),
        web.post("/batch", front.batch),
        # the XML API's plain address of an object, which people open with curl
        web.get("/{bucket:(?!(?:storage|upload|download|batch)/)[^/]+}/{object:.+}", front.download),
    ]
    app.add_routes(routes)
    return app


def _bucket_path(request: web.Request) -> str:
    return names.bucket_path(request.match_info["bucket"])


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _deleted(answer: Answer) -> Answer:
    """Say it as Cloud Storage does, without content: gcloud cannot read the storage server's ``null``."""
    return Answer(204) if answer.status == 200 else answer


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
