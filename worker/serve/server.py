"""The HTTP server: FastAPI on uvicorn, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI

from worker import __version__
from worker.errors import ConfigError
from worker.serve.health import health_routes
from worker.serve.metrics_page import metrics_routes
from worker.serve.reload import reload_routes

_START_SECONDS = 10
_TICK_SECONDS = 1.0  # the date in the headers changes that often
_DRAIN_SECONDS = 2  # requests in flight at the end; health checks and pages take milliseconds


class HttpServer:
    """Health, metrics and the routes handed in, on `listen` (`host:port`; port 0: any that is free)."""

    def __init__(
        self,
        listen: str,
        *,
        readiness: Callable[[], list[str]],
        alive: Callable[[], bool],
        reload: Callable[[], None] | None = None,
        rules: Callable[[], dict[str, Any]] = dict,
        notes: Callable[[], list[str]] = list,
        may_reload: Callable[[str], bool] | None = None,
        routers: Sequence[APIRouter] = (),
    ) -> None:
        host, _, port = listen.rpartition(":")
        self._host, self._wanted = host.strip("[]"), int(port)
        self.app = FastAPI(title="innerloop", version=__version__, docs_url=None, redoc_url=None)
        for router in (health_routes(readiness, alive, notes), metrics_routes(), *routers):
            self.app.include_router(router)
        if reload is not None:
            self.app.include_router(reload_routes(reload, rules, may_reload))
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return int(self._socket.getsockname()[1]) if self._socket else self._wanted

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def start(self) -> None:
        """Listen and answer. Raises ConfigError when the address cannot be had."""
        self._socket = self._bind()
        config = uvicorn.Config(
            self.app,
            log_config=None,  # the process's own logging holds
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = server = _Server(config)
        sockets = [self._socket]
        self._thread = threading.Thread(target=lambda: server.run(sockets=sockets), name="http", daemon=True)
        self._thread.start()
        self._await_start()

    def stop(self) -> None:
        """Answer what is in flight, for two seconds at most, then close. Safe to call twice."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(_DRAIN_SECONDS + 3)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _await_start(self) -> None:
        assert self._server is not None
        assert self._thread is not None
        waited = threading.Event()
        for _ in range(_START_SECONDS * 100):
            if self._server.started or not self._thread.is_alive():
                break
            waited.wait(0.01)
        if not self._server.started:
            self.stop()
            raise ConfigError(f"The HTTP server did not start on {self._host}:{self._wanted}.")

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self._host, self._wanted))
            bound.listen(128)
        except OSError as error:
            bound.close()
            raise ConfigError(
                f"INNERLOOP_HTTP_LISTEN: cannot listen on {self._host}:{self._wanted}: {error.strerror or error}. "
                "Choose another port, or 0 for any that is free."
            ) from None
        return bound


class _Server(uvicorn.Server):
    """uvicorn looks ten times a second whether it should end, a third of what an idle worker uses. This one is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):  # 0: the date in the headers is set anew
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK_SECONDS)

    def end(self) -> None:
        """Any thread may say so, also before the start and after the end."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)
