"""Rollout: a rule for a share of customers, always the same ones."""

from __future__ import annotations

import hashlib
from decimal import Decimal

_BUCKETS = 1 << 64


def includes(rule_id: str, customer_key: str | None, share: Decimal) -> bool:
    """Whether a customer is in a rule's share. Growing the share keeps those it had; an unknown customer never is."""
    if customer_key is None:
        return False
    digest = hashlib.sha256(f"{rule_id}\0{customer_key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * _BUCKETS
