"""Every error innerloop raises on purpose.

InnerloopError
├── ConfigError        wrong settings: the process cannot run until somebody mends them
├── RuleSetRefused     a rule set with mistakes: carries the findings
├── StoreUnavailable   the database does not answer; wait and try again
├── RowRefused         the database refuses a row; says why in its words, without the row's values
├── Clash              another worker was faster: run the transaction again
├── SchemaMismatch     the store was made by another version; migrate
├── ConflictError      somebody else was faster
├── NotAllowed         the table of moves, or the table of permissions, forbids it
├── NotFound           no such follow-up, response, dead letter ...
└── UsageError         a command was given something it cannot use

The docstring of a class is its default message and says what to do.
"""

from __future__ import annotations


class InnerloopError(Exception):
    """Something innerloop could not do."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ConfigError(InnerloopError):
    """The settings are wrong. `innerloop settings` shows what was read and from where."""


class RuleSetRefused(InnerloopError):
    """The rule set has mistakes. `innerloop rules check` lists each with its place and its fix."""


class StoreUnavailable(InnerloopError):
    """The store does not answer. Nothing is lost: work waits and goes on when it is back."""


class RowRefused(InnerloopError):
    """The store refuses a row. Look at the dead letter; everything else went through."""


class Clash(InnerloopError):
    """Another worker changed the same rows at the same moment. The transaction can be run again."""


class SchemaMismatch(InnerloopError):
    """The store's schema is not the one this version needs. Run `innerloop migrate`."""


class ConflictError(InnerloopError):
    """Somebody else changed this at the same moment. Look again before acting."""


class NotAllowed(InnerloopError):
    """That is not possible in the present state."""


class NotFound(InnerloopError):
    """There is nothing with that id."""


class UsageError(InnerloopError):
    """The command was given a value it cannot use."""
