"""
The JSON API of Cloud Storage as Google's clients expect it.

Every method that is served has its route here; the rest is refused by name.

Source: https://cloud.google.com/storage/docs/json_api
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from localcloud.config import Settings
from localcloud.errors import ApiError, error_middleware, not_served
from localcloud.gateway.faults import Faults, serves
from localcloud.gateway.json_body import read_object
from localcloud.storage import buckets, listing
from localcloud.storage.http import batch, downloads, uploads
from localcloud.storage.http.calls import Answer, Destination, ObjectCall, carry_out
from localcloud.storage.http.refusals import refuse_ignored
from localcloud.storage.http.resumable import Resumable
from localcloud.storage.names import check_object
from localcloud.storage.preconditions import Conditions, check_etag
from localcloud.storage.resources import as_resource, etag, object_resource
from localcloud.storage.store import Source, Store

# of batches and resources; content is streamed
LARGEST_BODY = 32 * 1024**2


class Front:
    """
    Handles the requests of the JSON API.

    :param store: the buckets and objects.
    :param settings: names the project.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self.resumable = Resumable(store)

    @serves("storage.buckets.insert")
    async def insert_bucket(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.insert``."""
        self._check_project(request)
        sent = read_object(await request.read())
        location = buckets.read_location(sent, self.settings.location)
        fields = buckets.changed_bucket({}, buckets.written_bucket(sent))
        bucket = self.store.create_bucket(sent.get("name", ""), location, fields)
        return _response(Answer.of(buckets.bucket_resource(bucket, self.settings)))

    @serves("storage.buckets.list")
    async def list_buckets(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.list``."""
        self._check_project(request)
        prefix, after = (
            request.query.get("prefix", ""),
            listing.decode_token(request.query.get("pageToken", "")),
        )
        size = listing.page_size(request.query)
        found = [
            each
            for each in self.store.catalog.buckets()
            if each.name.startswith(prefix) and each.name > after
        ]
        items = [buckets.bucket_resource(each, self.settings) for each in found[:size]]
        page: dict[str, Any] = {"kind": "storage#buckets", "items": items}
        if len(found) > size:
            page["nextPageToken"] = listing.encode_token(found[size - 1].name)
        return _response(Answer.of(page))

    @serves(
        GET="storage.buckets.get",
        PATCH="storage.buckets.patch",
        PUT="storage.buckets.update",
        DELETE="storage.buckets.delete",
    )
    async def bucket(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.get``, ``patch``, ``update`` and ``delete``."""
        name, conditions = request.match_info["bucket"], Conditions(request.query)
        if request.method == "DELETE":
            self.store.delete_bucket(name, conditions)
            return web.Response(status=204)
        if request.method == "GET":
            found = self.store.bucket(name)
            conditions.check_bucket(found, reads=True)
            check_etag(request.headers, buckets.bucket_etag(found), f"gs://{name}")
        else:
            sent = read_object(await request.read())
            buckets.check_unchanged(self.store.bucket(name), sent)
            change = buckets.written_bucket(sent)
            patches = request.method == "PATCH"
            found = self.store.change_bucket(
                name, conditions, lambda kept: buckets.changed_bucket(kept if patches else {}, change)
            )
        return _response(Answer.of(buckets.bucket_resource(found, self.settings)))

    @serves("storage.buckets.getStorageLayout")
    async def storage_layout(self, request: web.Request) -> web.Response:
        """Serve ``storage.buckets.getStorageLayout``; TensorFlow asks before it renames a folder."""
        bucket = self.store.bucket(request.match_info["bucket"])
        layout = {
            "kind": "storage#storageLayout",
            "bucket": bucket.name,
            "location": bucket.location,
            "locationType": buckets.location_type(bucket.location),
            "hierarchicalNamespace": {"enabled": False},
        }
        return _response(Answer.of(layout))

    @serves("storage.objects.list")
    async def list_objects(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.list``."""
        bucket, query = request.match_info["bucket"], dict(request.query)
        found = await asyncio.to_thread(listing.list_objects, self.store, bucket, query)
        return _response(Answer.of(found))

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
        call = ObjectCall(
            request.method,
            match["bucket"],
            match["object"],
            dict(request.query),
            body,
            headers=request.headers,
        )
        return _response(await self.object_call(call))

    async def object_call(self, call: ObjectCall) -> Answer:
        """
        Carry out a call about an object, sent alone or in a batch.

        :param call: what to do.
        """
        return carry_out(self.store, call)

    @serves("storage.objects.get")
    async def download(self, request: web.Request) -> web.StreamResponse:
        """Serve an object's content, as the JSON and the XML API give it."""
        bucket, name = request.match_info["bucket"], request.match_info["object"]
        try:
            found, file = self.store.open(bucket, name, Conditions(request.query))
        except ApiError as error:
            if error.code != 404:
                raise
            return web.Response(status=404, text=error.message)
        with file:
            check_etag(request.headers, etag(found), f"gs://{bucket}/{name}")
            return await downloads.send(request, found, file)

    @serves("storage.objects.compose")
    async def compose(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.compose``."""
        bucket, name = request.match_info["bucket"], request.match_info["object"]
        order = read_object(await request.read())
        if order.get("deleteSourceObjects"):
            raise not_served("the field deleteSourceObjects of storage.objects.compose")
        listed = order.get("sourceObjects")
        sources = [_source(bucket, each) for each in listed] if isinstance(listed, list) else []
        sent = as_resource(order.get("destination", {}))
        made = await asyncio.to_thread(
            self.store.compose, sources, bucket, name, sent, Conditions(request.query)
        )
        return _response(Answer.of(object_resource(made)))

    @serves("storage.objects.rewrite")
    async def copy(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.rewrite`` and ``copy``; a rewrite is always done at once."""
        match = request.match_info
        destination = Destination(match["verb"], match["to_bucket"], match["to_object"])
        query, body = dict(request.query), await request.read()
        call = ObjectCall("POST", match["bucket"], match["object"], query, body, destination)
        return _response(await self.object_call(call))

    @serves("storage.objects.move")
    async def move(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.move``."""
        match = request.match_info
        destination = Destination("moveTo", match["bucket"], match["to_object"])
        call = ObjectCall("POST", match["bucket"], match["object"], dict(request.query), b"", destination)
        return _response(await self.object_call(call))

    @serves("storage.objects.insert")
    async def upload(self, request: web.Request) -> web.Response:
        """Serve ``storage.objects.insert``."""
        # gcsfs sends its chunks by POST, where the documentation has PUT
        if request.query.get("upload_id"):
            return _response(await self.resumable.resume(request))
        if request.query.get("uploadType") == "resumable":
            return await self.resumable.open(request)
        return _response(Answer.of(object_resource(await uploads.insert(self.store, request))))

    @serves("storage.objects.insert")
    async def resume_upload(self, request: web.Request) -> web.Response:
        """Serve the later requests of a resumable upload."""
        return _response(await self.resumable.resume(request))

    @serves("storage.batch")
    async def batch(self, request: web.Request) -> web.Response:
        """Serve a batch of calls about objects."""
        return await batch.answer(request, self.object_call)

    def _check_project(self, request: web.Request) -> None:
        project = request.query.get("project", "")
        if project not in (self.settings.project, self.settings.project_number):
            message = f"localcloud has the project {self.settings.project} only, not {project or '(none)'}"
            raise ApiError(403, "PERMISSION_DENIED", message, "forbidden")


def create_app(store: Store, settings: Settings, faults: Faults) -> web.Application:
    """
    Create the application that serves storage.googleapis.com.

    :param store: the buckets and objects.
    :param settings: names the project.
    :param faults: the fault switch.
    """
    front = Front(store, settings)
    app = web.Application(
        middlewares=[error_middleware, refuse_ignored, faults.middleware()], client_max_size=LARGEST_BODY
    )
    bucket = "/storage/v1/b/{bucket}"
    one = bucket + "/o/{object}"
    routes = [
        web.post("/storage/v1/b", front.insert_bucket),
        web.get("/storage/v1/b", front.list_buckets),
        *(web.route(method, bucket, front.bucket) for method in ("GET", "PATCH", "PUT", "DELETE")),
        web.get(bucket + "/storageLayout", front.storage_layout),
        web.get(bucket + "/o", front.list_objects),
        *(web.route(method, one, front.object) for method in ("GET", "PATCH", "PUT", "DELETE")),
        web.post(one + "/compose", front.compose),
        web.post(one + "/{verb:rewriteTo|copyTo}/b/{to_bucket}/o/{to_object}", front.copy),
        web.post(one + "/moveTo/o/{to_object}", front.move),
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


def _source(bucket: str, sent: object) -> Source:
    """Read what an object is composed of."""
    source = as_resource(sent)
    wanted = as_resource(source.get("objectPreconditions", {}))
    given = {"generation": source["generation"]} if source.get("generation") else {}
    conditions = Conditions({name: str(value) for name, value in {**wanted, **given}.items()})
    return Source(bucket, check_object(source.get("name")), conditions)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
