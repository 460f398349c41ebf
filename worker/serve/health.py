"""Liveness and readiness.

Alive: the loops make progress; a dead process is restarted. Ready: what the process needs answers; an unready one
keeps working and waits. A channel's trouble turns neither red.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse


def health_routes(
    readiness: Callable[[], list[str]], alive: Callable[[], bool], notes: Callable[[], list[str]] = list
) -> APIRouter:
    """`readiness` gives the names of what fails, `notes` what somebody should know although nothing fails.

    All are asked at every request and must answer at once.
    """
    router = APIRouter()

    @router.get("/livez", summary="Is the process making progress?")
    def livez() -> JSONResponse:
        moving = alive()
        return JSONResponse({"alive": moving}, status_code=200 if moving else 503)

    @router.get("/readyz", summary="Does everything this process needs answer?")
    def readyz() -> JSONResponse:
        failing = readiness()
        said = {"ready": not failing, "failing": failing}
        if told := notes():
            said["notes"] = told
        return JSONResponse(said, status_code=503 if failing else 200)

    return router
