"""Notices about a follow-up that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from worker.followup.escalate import first_tell
from worker.followup.opening import OPS, seconds
from worker.model.followup import FollowUp
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Priority, Tell
from worker.model.response import Json


def notice(
    follow_up: FollowUp,
    kind: Kind,
    recipient: str,
    step: str,
    now: datetime,
    *,
    tell: Tell | None = None,
    priority: Priority | None = None,
    data: Mapping[str, Json] | None = None,
) -> NewNotice:
    """Tell `recipient` about a step. The cause makes sure that a step is told once, also when it is done twice."""
    tell = tell or first_tell(follow_up.playbook)
    return NewNotice(
        cause=f"follow-up/{follow_up.id}/{follow_up.cycle}/{step}",
        recipient=OPS if follow_up.test else recipient,
        kind=kind,
        priority=priority or follow_up.priority,
        not_before=now,
        channels=tell.by,
        next_channel_after=seconds(tell.next_channel_after),
        follow_up_id=follow_up.id,
        response_id=follow_up.response_id,
        data=data,
    )
