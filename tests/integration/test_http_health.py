"""The HTTP server: health, metrics, reload; start and stop."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from worker.errors import ConfigError
from worker.serve.server import HttpServer


class Probe:
    """What the server asks: set from the test."""

    def __init__(self) -> None:
        self.failing: list[str] = []
        self.moving = True
        self.reloads = 0
        self.notes: list[str] = []

    def reload(self) -> None:
        self.reloads += 1


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def server(probe: Probe) -> Iterator[HttpServer]:
    server = HttpServer(
        "127.0.0.1:0",
        readiness=lambda: probe.failing,
        alive=lambda: probe.moving,
        reload=probe.reload,
        rules=lambda: {"revision": "4f2a91c00000"},
        notes=lambda: probe.notes,
    )
    server.start()
    yield server
    server.stop()


def ask(server: HttpServer, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(server.url + path, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def said(server: HttpServer, path: str) -> tuple[int, Any]:
    code, body = ask(server, path)
    return code, json.loads(body)


def test_ready_means_that_nothing_fails(server: HttpServer, probe: Probe) -> None:
    assert said(server, "/readyz") == (200, {"ready": True, "failing": []})

    probe.failing = ["store", "kafka"]

    assert said(server, "/readyz") == (503, {"ready": False, "failing": ["store", "kafka"]})


def test_what_is_worth_knowing_does_not_turn_it_red(server: HttpServer, probe: Probe) -> None:
    probe.notes = ["The newest rule set is refused."]

    assert said(server, "/readyz") == (200, {"ready": True, "failing": [], "notes": probe.notes})


def test_the_rules_in_use_can_be_asked(server: HttpServer) -> None:
    assert said(server, "/api/v1/rules") == (200, {"revision": "4f2a91c00000"})


def test_alive_is_progress_not_existence(server: HttpServer, probe: Probe) -> None:
    assert said(server, "/livez") == (200, {"alive": True})

    probe.moving = False

    assert said(server, "/livez") == (503, {"alive": False})


def test_metrics_are_in_the_text_format(server: HttpServer) -> None:
    code, body = ask(server, "/metrics")

    assert code == 200
    assert "# TYPE innerloop_records_total counter" in body


def test_this_machine_may_reload_the_rules(server: HttpServer, probe: Probe) -> None:
    code, _ = ask(server, "/api/v1/rules/reload", "POST")

    assert (code, probe.reloads) == (202, 1)


def test_reading_reloads_nothing(server: HttpServer, probe: Probe) -> None:
    assert ask(server, "/api/v1/rules/reload")[0] == 405
    assert probe.reloads == 0


def test_a_token_decides_where_tokens_are_asked_for(probe: Probe) -> None:
    server = HttpServer(
        "127.0.0.1:0",
        readiness=list,
        alive=lambda: True,
        reload=probe.reload,
        may_reload=lambda token: token == "right",
    )
    server.start()
    try:
        assert ask(server, "/api/v1/rules/reload", "POST")[0] == 403
        request = urllib.request.Request(
            f"{server.url}/api/v1/rules/reload", method="POST", headers={"Authorization": "Bearer right"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 202
    finally:
        server.stop()


def test_a_taken_port_is_one_sentence(server: HttpServer) -> None:
    second = HttpServer(f"127.0.0.1:{server.port}", readiness=list, alive=lambda: True)

    with pytest.raises(ConfigError, match="INNERLOOP_HTTP_LISTEN: cannot listen on"):
        second.start()


def test_a_stopped_server_frees_its_port() -> None:
    server = HttpServer("127.0.0.1:0", readiness=list, alive=lambda: True)
    server.start()
    port = server.port

    server.stop()
    server.stop()

    with socket.socket() as free:
        free.bind(("127.0.0.1", port))
