"""innerloop: a closed-loop feedback alerting worker."""

__version__ = "0.1.0"
