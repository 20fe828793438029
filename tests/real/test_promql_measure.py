# Copyright (c) 2026 governed.delivery contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""promql_measure on a real Prometheus, on servers that only pretend to be one, and a promotion that asks it.

The real one is what is installed, and our component where it is built; where nothing is installed the component is built, or the tests are skipped.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import http.server
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from playground import cluster, components, modules, prometheus
from tests.support.components import had

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 180
WINDOW = {"window": "5m", "step": "15s"}
SECRET = "secret"
SECRET_HASH = "$2b$04$clR/E1QQT3GVp4hFwO/1WuaBNuO0zbFY5dVWrdT5CamWtP7qClm2m"  # bcrypt, as Prometheus wants it


@dataclasses.dataclass(frozen=True)
class Programs:
    """One Prometheus with its promtool; ``obeys`` when it must know ``lookback_delta``, and so is never told it at its start."""

    server: Path
    promtool: Path
    obeys: bool

    def lookback(self, text: str) -> str:
        return "" if self.obeys else text


@pytest.fixture(scope="session", params=["installed", "component"])
def programs(request: pytest.FixtureRequest) -> Programs:
    installed = shutil.which("prometheus"), shutil.which("promtool")
    if request.param == "installed":
        if None in installed:
            pytest.skip("prometheus is not installed")
        return Programs(Path(str(installed[0])), Path(str(installed[1])), False)
    if None not in installed and not components.component("prometheus").is_built:
        pytest.skip("prometheus: the component is not built, the installed one is tested")
    built = had("prometheus")
    return Programs(built.program("prometheus"), built.program("promtool"), True)


def recorded(now: float) -> t.Iterator[prometheus.SAMPLE]:
    """Series of the last half hour and of the next, so that a slow test finds no other end; ``sparse`` has a sample a second before each minute."""
    for number in range(-120, 120):
        moment = now // 60 * 60 - 1 + 15 * number
        yield "good", moment, 1.0 + number % 5
        yield 'pair{side="left"}', moment, 1.0
        yield 'pair{side="right"}', moment, 2.0
        yield "not_a_number", moment, float("nan")
        yield "endless", moment, float("inf")
        yield "idle", moment, 0.0
        if number % 4 == 0:
            yield "sparse", moment, 1.0
        if number < -40:
            yield "dead", moment, 1.0


@pytest.fixture(scope="session")
def server(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[prometheus.Prometheus]:
    """A server with recorded series."""
    folder = tmp_path_factory.mktemp("prometheus")
    prometheus.record(folder, recorded(time.time()), programs.promtool)
    with prometheus.serving(folder, lookback=programs.lookback("30s"), server=programs.server) as running:
        yield running


def asked(url: str, *queries: t.Mapping[str, t.Any], check: bool = False, **more: t.Any) -> modules.Result:
    return modules.run("promql_measure", {"url": url, "queries": list(queries), "use_proxy": False, "tries": 1, **more}, check=check)


def measure(url: str, query: str, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
    """The measure of one query; options of the query are those of a window, all others are the module's."""
    own: dict[str, t.Any] = {
        key: more.pop(key) for key in ("window", "step", "lookback", "reduce", "coverage_at_least", "unit") if key in more
    }
    answer = asked(url, {"name": "seen", "query": query, **WINDOW, **own}, check=check, **more)
    assert not answer["failed"], answer
    assert not answer["changed"]
    [found] = answer["measures"]
    assert isinstance(found, dict)
    assert found["value"] is not None or found["how"].startswith("not measured: found ")
    return found


@pytest.mark.parametrize(
    ("query", "reduce", "value"),
    [
        ("good", "max", 5.0),
        ("good", "min", 1.0),
        ("good", "mean", 3.0),
        ("good", "p20", 1.0),
        ("good", "p95", 5.0),
        ("sum(pair)", "last", 3.0),
        ("idle", "last", 0.0),
        ("nowhere or 0 * sum(good)", "last", 0.0),
        ("scalar(idle)", "last", 0.0),
    ],
)
def test_a_sound_query_is_measured(server: prometheus.Prometheus, query: str, reduce: str, value: float) -> None:
    found = measure(server.url, query, reduce=reduce, unit="ms")
    assert (found["value"], found["samples"], found["unit"]) == (value, 20, "ms")
    assert "20 of 20 points, 100 %" in found["how"]
    assert -1 < time.time() - datetime.datetime.fromisoformat(found["at"]).timestamp() - 15 < 60


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ("nowhere", "no data"),
        ("dead", "no data"),
        ("sparse", "10 of 20 points, 50 %"),
        ("not_a_number", "20 were not a number"),
        ("idle / idle", "20 were not a number"),
        ("endless", "infinite"),
        ("good / idle", "infinite"),
        ("pair", "2 series"),
        ("good[1m]", "a matrix"),
        ('"good"', "a string"),
        ("sum(", "parse error"),
        ("1", "answers without data"),
        ("nowhere or vector(0)", "answers without data"),
        ("absent(nowhere)", "answers without data"),
        ("count(nowhere == 0) or vector(0)", "answers without data"),
        ("scalar(nowhere) > bool 1", "answers without data"),
    ],
)
def test_whatever_else_is_null(server: prometheus.Prometheus, query: str, how: str) -> None:
    found = measure(server.url, query)
    assert found["value"] is None
    assert how in found["how"]


def test_a_fixed_moment_is_not_the_window(server: prometheus.Prometheus) -> None:
    found = measure(server.url, f"good @ {time.time() - 900:.0f}")
    assert (found["value"], "answers without data" in found["how"]) == (None, True)


def test_a_longer_step_and_a_lower_coverage_are_the_users_word(server: prometheus.Prometheus) -> None:
    assert measure(server.url, "sparse", step="1m")["samples"] == 5
    low = measure(server.url, "sparse", coverage_at_least=40, reduce="max")
    assert (low["samples"], low["value"]) in ((10, 1.0), (10, None))  # null where the end of the window is a gap


def test_check_mode_measures_too(server: prometheus.Prometheus) -> None:
    assert measure(server.url, "good", check=True)["samples"] == 20


def test_a_precheck_names_all_that_is_wrong(server: prometheus.Prometheus) -> None:
    queries = {"fine": "good", "not_there_yet": "nowhere", "broken": "sum(", "made_up": "vector(0)", "ranged": "good[1m]"}
    spelt = [{"name": name, "query": query, **WINDOW} for name, query in queries.items()]
    answer = asked(server.url, *spelt, precheck=True)
    assert [(refusal["object"], refusal["code"]) for refusal in answer["refusals"]] == [
        ("queries.broken", "promql_bad_query"),
        ("queries.made_up", "promql_answers_without_data"),
        ("queries.ranged", "promql_wrong_type"),
    ]
    answer = asked(server.url, *spelt[:2], precheck=True)
    assert (answer["failed"], answer["changed"], answer["measures"]) == (False, False, [])


def test_a_server_that_hides_gaps_is_not_believed(programs: Programs, tmp_path: Path) -> None:
    prometheus.record(tmp_path, recorded(time.time()), programs.promtool)
    with prometheus.serving(tmp_path, server=programs.server) as running:
        found = measure(running.url, "sparse")
        assert found["value"] is None
        assert "10 of 20 points" in found["how"] or ("ignores lookback_delta" in found["how"] and not programs.obeys)
        assert measure(running.url, "sparse", lookback="5m")["value"] == 1.0, "the user has said that gaps of 5 min do not matter"


class Exporter(http.server.BaseHTTPRequestHandler):
    """An application with one metric."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"alive 1\n")

    def log_message(self, *told: t.Any) -> None:
        del told


@contextlib.contextmanager
def answering(handler: type[http.server.BaseHTTPRequestHandler]) -> t.Iterator[str]:
    """A small server; gives its address."""
    serving = http.server.ThreadingHTTPServer((cluster.HOST, 0), handler)
    serving.daemon_threads = True
    threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{cluster.HOST}:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        serving.server_close()


FAST: dict[str, t.Any] = {"window": "4s", "step": "1s", "lookback": "3s", "coverage_at_least": 50}


def eventually(look: t.Callable[[], dict[str, t.Any]], value: float | None) -> dict[str, t.Any]:
    """The first measure that has this value, or the last one of a minute."""
    deadline = time.monotonic() + 60
    while (found := look())["value"] != value and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_an_application_that_dies_is_not_measured_on(programs: Programs, tmp_path: Path) -> None:
    """Its series ends by a marker of Prometheus while that runs; after Prometheus itself was killed there is none, only an old sample."""
    with contextlib.ExitStack() as application:
        target = application.enter_context(answering(Exporter))
        with prometheus.serving(tmp_path, targets=[target], lookback=programs.lookback("3s"), server=programs.server) as running:
            assert eventually(lambda: measure(running.url, "alive", **FAST), 1.0)["value"] == 1.0
            application.close()
            found = eventually(lambda: measure(running.url, "alive", **FAST), None)
            assert found["value"] is None
            assert eventually(lambda: measure(running.url, "up", **FAST), 0.0)["value"] == 0.0
    with prometheus.serving(tmp_path, lookback=programs.lookback("3s"), server=programs.server) as running:
        time.sleep(7)  # the last point is up to two steps old, and reaches 3 s further back
        found = measure(running.url, "up", **FAST)
        assert found["value"] is None, "nobody scrapes any more, and nothing has marked the end"


def test_what_was_before_the_change_is_waited_out(programs: Programs, tmp_path: Path) -> None:
    with (
        answering(Exporter) as target,
        prometheus.serving(tmp_path, targets=[target], lookback=programs.lookback("3s"), server=programs.server) as running,
    ):
        eventually(lambda: measure(running.url, "alive", **FAST), 1.0)
        changed = time.time()
        assert measure(running.url, "alive", check=True, not_before=changed, **FAST)["samples"] == 0
        found = measure(running.url, "alive", not_before=changed, **FAST)
        assert time.time() - changed >= 4
        assert (found["value"], found["samples"] >= 2) == (1.0, True)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Key and certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "prometheus")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(cluster.HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(private)
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return folder / "key.pem", folder / "certificate.pem"


def test_certificates_and_passwords_are_checked(programs: Programs, tmp_path: Path) -> None:
    key, signed = certificate(tmp_path)
    web = {"tls_server_config": {"cert_file": str(signed), "key_file": str(key)}, "basic_auth_users": {"ansible": SECRET_HASH}}
    prometheus.record(tmp_path, recorded(time.time()), programs.promtool)
    with prometheus.serving(tmp_path, web=web, lookback=programs.lookback("30s"), server=programs.server) as running:
        login: dict[str, t.Any] = {"username": "ansible", "password": SECRET}
        assert measure(running.url, "sum(pair)", ca_path=str(signed), **login)["value"] == 3.0
        refused: list[tuple[dict[str, t.Any], str]] = [
            ({"ca_path": str(signed)}, "HTTP 401"),
            ({"ca_path": str(signed), "username": "ansible", "password": "wrong"}, "HTTP 401"),
            (login, "certificate verify failed"),
        ]
        for options, how in refused:
            found = measure(running.url, "sum(pair)", **options)
            assert (found["value"], how in found["how"]) == (None, True), found
        assert SECRET not in json.dumps(asked(running.url, {"name": "seen", "query": "good"}, ca_path=str(signed), **login))


class Pretender(http.server.BaseHTTPRequestHandler):
    """Answers like a healthy Prometheus, but for what a test replaces: ``(status, content type, body)`` by path."""

    replaced: t.ClassVar[dict[str, tuple[int, str, bytes]]] = {}
    failing: t.ClassVar[int] = 0
    dripping: t.ClassVar[bool] = False
    late: t.ClassVar[float] = 0.0
    elsewhere: t.ClassVar[str] = ""
    seen: t.ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, form: str) -> None:
        type(self).seen.append(self.headers["Authorization"])
        status, kind, body = self.replaced.get(self.path, (200, "application/json", self._healthy(form)))
        if type(self).failing > 0:
            type(self).failing -= 1
            status, body = 503, b"{}"
        self.send_response(status)
        if self.elsewhere:
            self.send_header("Location", self.elsewhere)
        self.send_header("Content-Type", kind)
        self.end_headers()
        with contextlib.suppress(OSError):
            if self.dripping:
                for byte in body * 1000:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(0.05)
            self.wfile.write(body)

    def _healthy(self, form: str) -> bytes:
        if "lookback_delta=nonsense" in form:
            return b'{"status":"success"}'
        if "query=time" in form:
            now = time.time() - self.late
            return json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [now, f"{now:.3f}"]}}).encode()
        if "start=" not in form:
            return b'{"status":"success","data":{"resultType":"vector","result":[],"query.lookback-delta":"15s"}}'
        start, end = (float(part.partition("=")[2]) for part in form.split("&") if part.startswith(("start=", "end=")))
        values = [[start + 15 * number, "0"] for number in range(round((end - start) / 15) + 1)]
        return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}).encode()

    def log_message(self, *told: t.Any) -> None:
        del told


RANGE, READY = "/api/v1/query_range", "/-/ready"
JSON = "application/json"


def pretending(**settings: t.Any) -> type[Pretender]:
    return type("Pretending", (Pretender,), {"seen": [], **settings})


def test_the_pretender_is_believed_when_nothing_is_replaced() -> None:
    with answering(pretending()) as address:
        assert measure(f"http://{address}", "errors")["value"] == 0.0


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ({"replaced": {READY: (503, "text/plain", b"Service Unavailable")}}, "the server is not ready"),
        ({"replaced": {RANGE: (200, "text/html", b"<html>Sign in</html>")}}, "not JSON"),
        ({"replaced": {RANGE: (200, JSON, b'{"status":"success","data":{"resu')}}, "not JSON"),
        ({"replaced": {RANGE: (200, JSON, b" " * (9 << 20))}}, "more than 8 MiB"),
        ({"replaced": {RANGE: (422, JSON, b'{"status":"error","errorType":"execution","error":"too many"}')}}, "execution: too many"),
        ({"replaced": {RANGE: (503, JSON, b'{"status":"error","errorType":"timeout","error":"timed out"}')}}, "timeout: timed out"),
        ({"replaced": {RANGE: (204, JSON, b"")}}, "HTTP 204"),
        ({"late": 3600.0}, "a clock that is -3600 s from ours"),
        ({"late": -3600.0}, "a clock that is +3600 s from ours"),
        ({"dripping": True}, "no answer within 1 s"),
        ({"failing": 99}, "HTTP 503"),
    ],
)
def test_a_server_that_fails_gives_no_number(settings: dict[str, t.Any], how: str) -> None:
    with answering(pretending(**settings)) as address:
        started = time.monotonic()
        found = measure(f"http://{address}", "errors", timeout=1 if "dripping" in settings else 10)
        assert (found["value"], how in found["how"]) == (None, True), found
        assert time.monotonic() - started < 15


def test_a_hiccup_is_asked_again() -> None:
    for tries, value in ((3, 0.0), (2, None)):
        with answering(pretending(failing=2)) as address:
            assert measure(f"http://{address}", "errors", tries=tries)["value"] == value


def test_a_redirect_is_not_followed_and_takes_no_token_along() -> None:
    thief, answers = pretending(), {READY: (200, JSON, b""), RANGE: (307, JSON, b"{}")}
    with answering(thief) as other, answering(pretending(replaced=answers, elsewhere=f"http://{other}/")) as address:
        found = measure(f"http://{address}", "errors", token="t0ken")
    assert (found["value"], "a redirect" in found["how"], thief.seen) == (None, True, [])


def test_a_token_is_sent_and_never_shown() -> None:
    handler = pretending()
    with answering(handler) as address:
        answer = asked(f"http://{address}", {"name": "seen", "query": "errors"}, token="t0ken")
    assert set(handler.seen) == {"Bearer t0ken"}
    assert "t0ken" not in json.dumps(answer)
    assert "unencrypted" in answer["warnings"][0]


def test_a_dead_or_silent_endpoint_gives_no_number() -> None:
    with socket.create_server((cluster.HOST, 0)) as silent:
        address = f"http://{cluster.HOST}:{silent.getsockname()[1]}"
        assert "no answer within 1 s" in measure(address, "errors", timeout=1)["how"]
    assert "Connection refused" in measure(address, "errors")["how"]
    assert "no answer" in measure("http://nowhere.invalid", "errors", timeout=5)["how"]
    answer = asked(address, {"name": "seen", "query": "errors"}, precheck=True)
    assert (answer["failed"], answer["refusals"][0]["code"]) == (True, "promql_unreachable")


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://host"},
        {"url": "http://"},
        {"url": "http://user:secret@host"},
        {"url": "http://host/?x=1"},
        {"url": "http://host:99999"},
        {"timeout": 0},
        {"timeout": "nan"},
        {"clock_tolerance": "nan"},
        {"not_before": "inf"},
        {"tries": 0},
        {"ca_path": "/nowhere"},
        {"token": "a\nb"},
        {"queries": []},
    ],
)
def test_a_users_mistake_is_refused(options: dict[str, t.Any]) -> None:
    answer = modules.run("promql_measure", {"url": "http://host", "queries": [{"name": "seen", "query": "x"}], **options})
    assert answer["failed"]
    assert len(answer["refusals"]) == 1
    assert "user:secret" not in json.dumps(answer["refusals"])


def promoted(
    folder: Path, url: str, query: str, at_most: float, playbook: str = "promote", *, wait: bool = False, samples: int = 19, **window: t.Any
) -> tuple[int, str]:
    """A promotion, or what is around it, whose one capability asks Prometheus."""
    folder.mkdir(exist_ok=True)
    told = {"prometheus_goals_queries": [{"name": "seen", "query": query, **(window or WINDOW)}], "prometheus_goals_wait": wait}
    stage = {
        "name": "prod",
        "actions": [{"capability": "prometheus_goals", "with": told}],
        "verifications": [
            {"capability": "prometheus_goals", "goals": [{"measure": "seen", "at_most": at_most, "samples_at_least": samples}]}
        ],
    }
    (folder / "plan.yml").write_text(yaml.safe_dump({"name": "trial", "title": "A trial", "stages": [stage]}), encoding="utf-8")
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"one": host}}}), encoding="utf-8")
    given = {
        "promotion_plan": str(folder / "plan.yml"),
        "promotion_stage": "prod",
        "promotion_evidence_directory": str(folder / "evidence"),
        "promotion_memory": str(folder / "memory"),
        "prometheus_goals_url": url,
        "prometheus_goals_use_proxy": False,
        "prometheus_goals_tries": 1,
    }
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACKS_ENABLED": "governed.delivery.promotion_summary,governed.delivery.promotion_hold",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [program, f"governed.delivery.{playbook}", "-i", str(folder / "hosts.yml"), "-e", json.dumps(given)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("query", "at_most", "code", "word"),
    [
        ("sum(pair)", 3, 0, "PASS"),
        ("sum(pair)", 2, 2, "FAIL"),
        ("sum(nowhere)", 3, 4, "ERROR"),
        ("sum(nowhere) or vector(0)", 3, 2, "answers without data"),
    ],
)
def test_a_promotion_asks_prometheus(
    server: prometheus.Prometheus, tmp_path: Path, query: str, at_most: float, code: int, word: str
) -> None:
    ended, output = promoted(tmp_path / "ground", server.url, query, at_most)
    assert (ended, word in output) == (code, True), output


def test_a_promoted_stage_soaks_on_prometheus(server: prometheus.Prometheus, tmp_path: Path) -> None:
    code, output = promoted(tmp_path / "ground", server.url, "sum(pair)", 3)
    assert code == 0, output
    code, output = promoted(tmp_path / "ground", server.url, "sum(pair)", 3, "soak")
    assert (code, "trial at prod: healthy" in output) == (0, True), output
    page = (tmp_path / "ground" / "evidence" / "trial.html").read_text(encoding="utf-8")
    assert "20 of 20 points, 100 %" in page


def test_a_promotion_waits_for_a_window_after_the_change(programs: Programs, tmp_path: Path) -> None:
    with (
        answering(Exporter) as target,
        prometheus.serving(tmp_path / "server", targets=[target], lookback=programs.lookback("3s"), server=programs.server) as running,
    ):
        eventually(lambda: measure(running.url, "alive", **FAST), 1.0)
        code, output = promoted(tmp_path / "ground", running.url, "alive", 1, wait=True, samples=2, **FAST)
    assert code == 0, output
