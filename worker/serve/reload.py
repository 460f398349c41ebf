"""Reloading the rule set by HTTP, as SIGHUP does."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from fastapi import APIRouter, HTTPException, Request


def reload_routes(reload: Callable[[], None], may_reload: Callable[[str], bool] | None = None) -> APIRouter:
    """`may_reload` judges the bearer token of a request; without it only this machine may ask."""
    router = APIRouter()

    @router.post("/api/v1/rules/reload", status_code=202, summary="Read the rules again")
    def read_again(request: Request) -> dict[str, str]:
        if not (_is_local(request) if may_reload is None else may_reload(_token(request))):
            raise HTTPException(403, "You may not reload the rules here.")
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
