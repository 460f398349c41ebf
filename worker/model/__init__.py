"""Frozen values and enums of the domain. No I/O, no clock, no environment."""
