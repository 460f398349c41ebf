"""Duties that fall due by the clock."""
