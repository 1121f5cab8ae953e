from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl

import psutil
import pytest
import requests
from tests.curl import needs_curl

from localcloud.config import HOST


def ask_proxy(cloud, request: bytes) -> tuple[int, bytes]:
    with socket.create_connection((HOST, cloud.settings.port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "target",
    [
        "example.com:443",
        "storage.googleapis.com:80",
        "googleapis.com.example.com:443",
        "notgoogleapis.com:443",
    ],
)
def test_every_other_host_is_refused_and_named_in_the_log(cloud, target):
    code, body = ask_proxy(cloud, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())

    assert code == 403
    assert json.loads(body)["error"]["status"] == "PERMISSION_DENIED"
    assert f"refused CONNECT {target}" in cloud.output


def test_plain_http_is_not_proxied(cloud):
    code, body = ask_proxy(cloud, b"GET http://storage.googleapis.com/ HTTP/1.1\r\nHost: x\r\n\r\n")

    assert code == 403
    assert b"does not serve GET http://storage.googleapis.com/" in body


def test_a_head_without_an_end_is_refused(cloud):
    code, _ = ask_proxy(cloud, b"CONNECT " + b"a" * 17_000)

    assert code == 431


@needs_curl
def test_curl_is_told_why_a_host_is_refused(cloud):
    done = cloud.client("curl", "-sS", "--max-time", "10", "https://example.com")

    assert done.returncode != 0
    assert "403" in done.stderr


def test_an_unserved_host_answers_unimplemented_at_once(cloud):
    answer = requests.get("https://pubsub.googleapis.com/v1/projects/local-project/topics", timeout=60)

    assert answer.status_code == 501
    error = answer.json()["error"]
    assert error["status"] == "UNIMPLEMENTED"
    assert "GET pubsub.googleapis.com/v1/projects/local-project/topics" in error["message"]


def test_an_unserved_method_names_itself(cloud):
    answer = requests.get("https://storage.googleapis.com/storage/v1/b/some-bucket/acl", timeout=60)

    assert answer.status_code == 501
    assert "GET storage.googleapis.com/storage/v1/b/some-bucket/acl" in answer.json()["error"]["message"]


def test_the_shared_host_leads_to_storage_and_to_bigquery(cloud):
    storage = requests.get(
        "https://www.googleapis.com/storage/v1/b", params={"project": "local-project"}, timeout=60
    )
    bigquery = requests.get(
        "https://www.googleapis.com/bigquery/v2/projects/local-project/datasets", timeout=60
    )

    assert storage.json()["kind"] == "storage#buckets"
    assert bigquery.json()["kind"] == "bigquery#datasetList"


def test_a_request_that_comes_in_pieces_is_understood_and_the_next_one_too(cloud):
    context = ssl.create_default_context(cafile=cloud.environment["SSL_CERT_FILE"])
    host = "www.googleapis.com"
    with socket.create_connection((HOST, cloud.settings.port), timeout=60) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(1024).startswith(b"HTTP/1.1 200")
        with context.wrap_socket(plain, server_hostname=host) as tls:
            for path in (
                "/bigquery/v2/projects/local-project/datasets",
                "/bigquery/v2/projects/local-project/jobs",
            ):
                request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
                for piece in (request[:10], request[10:40], request[40:]):
                    tls.sendall(piece)
                answer = http.client.HTTPResponse(tls)
                answer.begin()
                assert answer.status == 200
                assert json.loads(answer.read())["kind"].startswith("bigquery#")


def test_a_client_of_both_protocols_gets_http_1_1_and_one_of_h2_alone_gets_h2(cloud):
    async def negotiate(*protocols: str) -> str | None:
        context = ssl.create_default_context(cafile=cloud.environment["SSL_CERT_FILE"])
        context.set_alpn_protocols(list(protocols))
        reader, writer = await asyncio.open_connection(HOST, cloud.settings.port)
        writer.write(b"CONNECT europe-west1-aiplatform.googleapis.com:443 HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(context, server_hostname="europe-west1-aiplatform.googleapis.com")
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()
        return chosen

    assert asyncio.run(negotiate("h2", "http/1.1")) == "http/1.1"
    assert asyncio.run(negotiate("h2")) == "h2"


def test_a_client_without_our_authority_does_not_trust_the_gateway(cloud):
    async def connect() -> None:
        reader, writer = await asyncio.open_connection(HOST, cloud.settings.port)
        writer.write(b"CONNECT storage.googleapis.com:443 HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        await writer.start_tls(context, server_hostname="storage.googleapis.com")

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(connect())


def test_every_socket_listens_on_loopback_only(cloud):
    parent = psutil.Process(cloud.process.pid)
    listening = [
        connection.laddr
        for process in (parent, *parent.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    # gRPC listens on the IPv6 form of the same address
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {HOST}
    assert cloud.settings.port in {address.port for address in listening}


@needs_curl
def test_curl_goes_through(cloud):
    url = "https://storage.googleapis.com/storage/v1/b?project=local-project"

    done = cloud.client("curl", "-sS", "--fail", "--max-time", "10", url)

    assert json.loads(done.stdout)["kind"] == "storage#buckets"


def test_httplib2_goes_through_as_beam_uses_it(cloud, pipeline_python):
    script = (
        "import httplib2\n"
        "url = 'https://storage.googleapis.com/storage/v1/b?project=local-project'\n"
        "print(httplib2.Http(timeout=60).request(url)[0].status)"
    )

    done = cloud.client(str(pipeline_python), "-c", script)

    assert done.stdout.strip() == "200", done.stderr
