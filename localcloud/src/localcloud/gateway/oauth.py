"""The token endpoint of oauth2.googleapis.com, for the one service account that exists."""

from __future__ import annotations

import json

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from google.auth import exceptions, jwt

from localcloud.clients.pki import TOKEN_URI
from localcloud.config import Settings
from localcloud.errors import error_middleware

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3600


def create_app(settings: Settings) -> web.Application:
    """
    Create the application that returns a token for a request signed with the service account's key.

    Source: https://developers.google.com/identity/protocols/oauth2/service-account

    :param settings: names the folder of the service account file.
    """
    account = json.loads((settings.pki / "service-account.json").read_text())
    key = serialization.load_pem_private_key(account["private_key"].encode(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    async def token(request: web.Request) -> web.Response:
        try:
            form = await request.post()
        except (LookupError, ValueError) as error:
            return _refused("invalid_request", f"The body is not a form: {error}")
        if form.get("grant_type") != GRANT:
            return _refused("unsupported_grant_type", f"localcloud knows the grant type {GRANT} only")
        try:
            claims = jwt.decode(str(form.get("assertion", "")), certs=public.decode(), audience=TOKEN_URI)
        except (ValueError, exceptions.GoogleAuthError) as error:
            return _refused("invalid_grant", f"The assertion is not this service account's: {error}")
        if "scope" not in claims:
            return _refused("invalid_scope", "localcloud issues access tokens for scopes only, no ID tokens")
        granted = {"access_token": "local", "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        return web.json_response(granted)

    app = web.Application(middlewares=[error_middleware])
    app.router.add_post("/token", token)
    return app


def _refused(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=400)
