"""
The certificate authority of one localcloud, its server certificate and its service account file.

Everything lives in ``Settings.pki``, only readable by its owner, and is created at first use.
The authority can only sign for googleapis.com, and never enters the trust store of the machine.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import os
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.config import Settings

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105
DOMAIN = "googleapis.com"
BUNDLE = "bundle.pem"
SERVICE_ACCOUNT = "service-account.json"
HOSTS = (DOMAIN, f"*.{DOMAIN}", f"*.storage.{DOMAIN}")

AUTHORITY_DAYS = 5 * 365
SERVER_DAYS = 397
RENEW_DAYS = 60

Pair = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def ensure(settings: Settings) -> None:
    """
    Create what is missing, broken or about to expire; keep the rest.

    Makes ``authority.pem`` and ``server.pem`` (key and certificate in one file each), ``bundle.pem`` (the
    authority's certificate, for clients) and ``service-account.json``.

    :param settings: names the folder and the project.
    """
    settings.pki.mkdir(parents=True, exist_ok=True)
    settings.pki.chmod(0o700)
    # `up` and `env` may run at the same time
    with (settings.pki / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        authority = _stored_pair(settings.pki / "authority.pem")
        if authority is None:
            authority = _make_authority()
            _write_pair(settings.pki / "authority.pem", authority)
        _ensure_bundle(settings.pki / BUNDLE, authority)
        server = _stored_pair(settings.pki / "server.pem")
        if server is None or not _issued(server, authority):
            _write_pair(settings.pki / "server.pem", _make_server(authority))
        _ensure_service_account(settings)


def _stored_pair(path: Path) -> Pair | None:
    """Read a key and its certificate; None when they are not there, do not match or expire soon."""
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError):
        return None
    renewal = certificate.not_valid_after_utc - datetime.timedelta(days=RENEW_DAYS)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return (key, certificate) if _now() < renewal else None


def _issued(server: Pair, authority: Pair) -> bool:
    try:
        server[1].verify_directly_issued_by(authority[1])
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _make_authority() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localcloud (this machine only)")])
    usage = {name: name in ("key_cert_sign", "crl_sign") for name in _KEY_USAGES}
    builder = (
        _certificate(name, key.public_key(), AUTHORITY_DAYS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(DOMAIN)], None), critical=True)
    )
    return key, builder.sign(key, hashes.SHA256())


def _make_server(authority: Pair) -> Pair:
    authority_key, authority_certificate = authority
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    usage = {name: name == "digital_signature" for name in _KEY_USAGES}
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        _certificate(name, key.public_key(), SERVER_DAYS)
        .issuer_name(authority_certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(issuer, critical=False)
    )
    return key, builder.sign(authority_key, hashes.SHA256())


_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _certificate(
    name: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # valid since yesterday, for containers whose clock is slow
        .not_valid_before(_now() - datetime.timedelta(days=1))
        .not_valid_after(_now() + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _ensure_bundle(path: Path, authority: Pair) -> None:
    content = authority[1].public_bytes(serialization.Encoding.PEM)
    if not path.exists() or path.read_bytes() != content:
        write(path, content)


def _ensure_service_account(settings: Settings) -> None:
    path = settings.pki / SERVICE_ACCOUNT
    try:
        stored = json.loads(path.read_text())
        serialization.load_pem_private_key(stored["private_key"].encode(), password=None)
        if stored["project_id"] == settings.project:
            return
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    account = {
        "type": "service_account",
        "project_id": settings.project,
        "private_key_id": "localcloud",
        "private_key": _pem(_make_account_key()).decode(),
        "client_email": f"localcloud@{settings.project}.iam.gserviceaccount.com",
        "client_id": settings.project_number,
        "token_uri": TOKEN_URI,
    }
    write(path, json.dumps(account, indent=2).encode())


def _make_account_key() -> rsa.RSAPrivateKey:
    # google-auth signs with RS256 only; each client checks the key when it loads it, which takes seven times
    # as long for 2048 bits, and whoever reaches the loopback port may do anything without a key
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def _write_pair(path: Path, pair: Pair) -> None:
    write(path, _pem(pair[0]) + pair[1].public_bytes(serialization.Encoding.PEM))


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """
    Replace a file atomically; its permissions are set before the content is written.

    :param path: the file.
    :param content: all of it.
    :param mode: its permissions, by default for its owner alone.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.chmod(mode)
    draft.replace(path)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
