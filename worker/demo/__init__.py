"""The demo: invented customers on a real worker. Nothing outside this package knows about it."""
