"""Metrics in Prometheus' text format."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from worker import metrics


def metrics_routes(registry: CollectorRegistry = metrics.REGISTRY) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics", summary="Metrics for Prometheus")
    def page(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    return router
