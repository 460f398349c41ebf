"""The rule set by HTTP: which is in use, whether the newest is refused, and reading it again, as SIGHUP does."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request


def reload_routes(
    reload: Callable[[], None],
    rules: Callable[[], dict[str, Any]],
    may_reload: Callable[[str], bool] | None = None,
) -> APIRouter:
    """`may_reload` judges the bearer token of a request; without it only this machine may ask."""
    router = APIRouter()

    def refuse_others(request: Request) -> None:
        if not (_is_local(request) if may_reload is None else may_reload(_token(request))):
            raise HTTPException(403, "You may not ask about the rules here.")

    @router.get("/api/v1/rules", summary="The rule set in use, and why the newest is refused")
    def in_use(request: Request) -> dict[str, Any]:
        refuse_others(request)
        return rules()

    @router.post("/api/v1/rules/reload", status_code=202, summary="Read the rules again")
    def read_again(request: Request) -> dict[str, str]:
        refuse_others(request)
        reload()
        return {"status": "reloading", "see": "innerloop rules status"}

    return router


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_local(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
