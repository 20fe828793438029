# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told when no S3 server answers as it should. Stub servers on 127.0.0.1 stand for what a real one is hard to bring to."""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
import traceback
import typing as t

import pytest
from ansible_collections.governed.delivery.plugins.module_utils._backups.findings import Finding, Stopped
from ansible_collections.governed.delivery.plugins.module_utils._backups.source import places

from playground.cluster import HOST, free_port

EMPTY = b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"
SECRET = "hunter2-hunter2"


@contextlib.contextmanager
def answering(status: int, body: bytes, *, tls: ssl.SSLContext | None = None) -> t.Iterator[tuple[str, list[str]]]:
    """A server that always says the same; its endpoint, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET

        def log_message(self, format: str, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"{'http' if tls is None else 'https'}://{HOST}:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some credentials, and nothing of the machine's."""
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("NO_PROXY", HOST)


def stopped(endpoint: str, **options: t.Any) -> tuple[Finding, float]:
    """What listing a bucket there ended with, and after how many seconds. The secret is nowhere in it."""
    begun = time.monotonic()
    with pytest.raises(Stopped) as caught:
        places.make({"s3": {"bucket": "backups", "endpoint": endpoint, "region": "eu-west-1", **options}}).listing("", time.time())
    seconds = time.monotonic() - begun
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value.finding, seconds


def error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, error("AccessDenied"), "ACCESS_DENIED"),
        (403, error("ExpiredToken"), "NO_CREDENTIALS"),
        (403, error("RequestTimeTooSkewed"), "NO_CREDENTIALS"),
        (403, error("InvalidObjectState"), "SOURCE_UNREADABLE"),
        (403, b"", "ACCESS_DENIED"),
        (404, error("NoSuchBucket"), "NOT_FOUND"),
        (404, b"", "NOT_FOUND"),
        (404, b"<html>not here</html>", "SOURCE_UNREADABLE"),
        (501, error("NotImplemented"), "SOURCE_UNREADABLE"),
        (503, error("SlowDown"), "SOURCE_UNREADABLE"),
        (200, b"Welcome to nginx!", "SOURCE_UNREADABLE"),
    ],
)
def test_what_a_server_says_has_a_code(status: int, body: bytes, code: str) -> None:
    with answering(status, body) as (endpoint, asked):
        finding, seconds = stopped(endpoint)
    assert finding.code == code
    assert len(asked) <= 2
    assert seconds < 10


def test_a_dead_endpoint_is_told_within_twice_the_timeout() -> None:
    with socket.create_server((HOST, 0)) as silent:
        finding, seconds = stopped(f"http://{HOST}:{silent.getsockname()[1]}", io_timeout=1.0)
    assert finding.code == "TIMEOUT"
    assert seconds < 4


def test_an_endpoint_that_refuses_is_told_at_once() -> None:
    finding, seconds = stopped(f"http://{HOST}:{free_port(None)}")
    assert finding.code == "SOURCE_UNREADABLE"
    assert seconds < 5


def certificate(folder: pathlib.Path, name: str) -> tuple[pathlib.Path, ssl.SSLContext]:
    """A certificate that it signed itself, for that address."""
    file, key = folder / "certificate.pem", folder / "key.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stub", "-addext"]
    command = ["openssl", *request, f"subjectAltName=IP:{name}", "-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context


def test_a_certificate_nobody_trusts_or_of_another_name_is_told(tmp_path: pathlib.Path) -> None:
    file, context = certificate(tmp_path, HOST)
    with answering(200, EMPTY, tls=context) as (endpoint, asked):
        assert stopped(endpoint)[0].code == "TLS"
        assert asked == []
        options = {"bucket": "backups", "endpoint": endpoint, "region": "eu-west-1", "ca_bundle": str(file)}
        assert places.make({"s3": options}).listing("", time.time()).items == {}
        assert asked != []
    file, context = certificate(tmp_path, "192.0.2.1")
    with answering(200, EMPTY, tls=context) as (endpoint, _asked):
        assert stopped(endpoint, ca_bundle=str(file))[0].code == "TLS"


def test_no_credentials_are_told_within_a_second_and_the_machine_is_not_asked_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    given = {"Code": "Success", "AccessKeyId": "machine", "SecretAccessKey": SECRET, "Token": "token", "Expiration": "2099-01-01T00:00:00Z"}
    # The stub answers every question of the metadata service with this: the token's, the role's name and the role's credentials.
    with answering(200, json.dumps(given).encode()) as (metadata, asked_of_machine), answering(200, EMPTY) as (endpoint, asked):
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
        finding, seconds = stopped(endpoint)
        assert (finding.code, asked_of_machine, asked) == ("NO_CREDENTIALS", [], [])
        assert seconds < 1
        options = {"bucket": "backups", "endpoint": endpoint, "region": "eu-west-1", "allow_imds": True}
        assert places.make({"s3": options}).listing("", time.time()).items == {}
        assert asked_of_machine != []
        assert asked != []
    assert stopped(endpoint, profile="nobody")[0].code == "NO_CREDENTIALS"


def test_a_provider_of_credentials_that_fails_is_not_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "config").write_text(f"[default]\ncredential_process = sh -c 'echo {SECRET[:7]} >&2; exit 1'\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(Stopped) as caught:
        places.make({"s3": {"bucket": "backups", "region": "eu-west-1"}}).listing("", time.time())
    assert caught.value.finding.code == "NO_CREDENTIALS"
    assert SECRET[:7] not in str(caught.value)
