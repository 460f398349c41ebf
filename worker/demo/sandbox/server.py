"""The sandbox as one thing to start and stop: the mail server, Slack, and the pages."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from worker.demo.sandbox import slack, views
from worker.demo.sandbox.mail import MailServer
from worker.demo.sandbox.messages import Messages
from worker.errors import ConfigError

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where the servers listen."""

    messages: Messages
    http_port: int
    smtp_port: int

    @property
    def page(self) -> str:
        return f"http://{HOST}:{self.http_port}/sandbox"

    @property
    def slack_api(self) -> str:
        return f"http://{HOST}:{self.http_port}/api/"


@contextmanager
def serve(
    messages: Messages, around: views.Surroundings, *, fault: slack.Fault = slack.no_fault, port: int = 0
) -> Iterator[Sandbox]:
    """Run until the block ends. `port` is the pages' and Slack's; 0 takes any. Mail always takes any."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(slack.router(messages, fault))
    app.include_router(views.router(messages, around))
    with listen(port) as http, listen(0) as smtp, _web(app, http), _mail(messages, smtp):
        yield Sandbox(messages, http.getsockname()[1], smtp.getsockname()[1])


def listen(port: int) -> socket.socket:
    """A bound socket on this machine only. Raises ConfigError when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {port} of this machine is taken: {error.strerror}. Choose another with --port."
        ) from None
    return listener


@contextmanager
def _web(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener.listen(128)
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(5)


@contextmanager
def _mail(messages: Messages, listener: socket.socket) -> Iterator[None]:
    server = MailServer(messages, listener)
    server.start()
    try:
        yield
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop()
