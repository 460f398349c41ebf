"""The rules language: reading rule files, deciding, and saying why. Pure: no clock, no file, no socket."""
