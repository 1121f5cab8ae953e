from __future__ import annotations

import datetime
import json

import google.auth
import google.auth.transport.requests
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from google.oauth2 import service_account

from localcloud.clients import pki
from localcloud.gateway import oauth

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def test_the_service_account_gets_a_token(cloud):
    credentials, project = google.auth.default(scopes=[SCOPE])

    credentials.refresh(google.auth.transport.requests.Request())

    assert project == cloud.settings.project
    assert credentials.valid


def test_who_signs_with_another_key_gets_none(cloud):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    claims = {"iss": "x", "scope": SCOPE, "aud": pki.TOKEN_URI, "iat": now, "exp": now + 60}
    assertion = jwt.encode(crypt.RSASigner.from_string(pem), claims).decode()

    answer = requests.post(
        pki.TOKEN_URI, data={"grant_type": oauth.GRANT, "assertion": assertion}, timeout=60
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("form", [{}, {"grant_type": "refresh_token", "refresh_token": "x"}])
def test_other_grants_are_refused_by_name(cloud, form):
    answer = requests.post(pki.TOKEN_URI, data=form, timeout=60)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_no_id_tokens_are_given(cloud):
    file = cloud.settings.pki / "service-account.json"
    credentials = service_account.IDTokenCredentials.from_service_account_info(
        json.loads(file.read_text()), target_audience="https://example.com"
    )

    with pytest.raises(google.auth.exceptions.RefreshError, match="no ID tokens"):
        credentials.refresh(google.auth.transport.requests.Request())
