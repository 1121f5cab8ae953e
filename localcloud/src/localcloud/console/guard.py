"""Which requests are accepted, and the security headers of the responses."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from localcloud.config import Settings
from localcloud.errors import ApiError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_READING = ("GET", "HEAD")
# an object may be an HTML page: it is shown in a sandbox, where it runs and loads nothing
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"

_HEADERS = {
    # nothing external, nothing inline: pages show names that clients have chosen
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def check(request: web.Request, settings: Settings) -> None:
    """
    Reject a request that a reader on this machine would not send.

    :param request: the request.
    :param settings: names the hosts that browsers elsewhere and other containers use.
    :raises ApiError: 405 for what would write, 403 for another host's name: a page of that host may have been
        led to this address to read it (DNS rebinding).
    """
    if request.method not in _READING:
        message = f"These pages are read-only: {request.method} is not answered."
        raise ApiError(405, "INVALID_ARGUMENT", message)
    host = urlsplit(f"//{request.host}").hostname
    if host not in (*_LOOPBACK, settings.address, urlsplit(settings.console_url).hostname):
        message = f"localcloud does not answer for {request.host}; see LOCALCLOUD_CONSOLE_URL."
        raise ApiError(403, "PERMISSION_DENIED", message)


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add headers that restrict what a browser may do with the response."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if response.status == 405:
        response.headers["Allow"] = ", ".join(_READING)
