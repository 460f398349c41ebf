"""A span of time as the rules write it: `10 minutes`, `4 business hours`, `1 business day`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class Unit(StrEnum):
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    BUSINESS_MINUTES = "business minutes"
    BUSINESS_HOURS = "business hours"
    BUSINESS_DAYS = "business days"

    @property
    def is_business(self) -> bool:
        return self.value.startswith("business")


class Span(Struct, frozen=True):
    """`amount` is a positive whole number of `unit`. Only `back` gives a negative one."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        unit = self.unit.value
        return f"{self.amount} {unit[:-1] if self.amount == 1 else unit}"

    @property
    def back(self) -> Span:
        """The same span, counted backwards. Business days cannot be."""
        return Span(-self.amount, self.unit)

    @property
    def elapsed(self) -> timedelta:
        """The length of a span that is no business span and no calendar day.

        Raises ValueError for business spans: their length depends on a calendar.
        """
        if self.unit.is_business:
            raise ValueError(f"{self} has no fixed length")
        return timedelta(**{self.unit.value: self.amount})
