"""Workers are stopped with SIGKILL again and again; afterwards nothing may be lost and nothing doubled.

`story` invents records and knows what each must become; `harness` runs and kills the worker; `checker` counts what is
there, with raw SQL, an independent Kafka client and the messages of the fake providers. Story and checker import
nothing of `worker`.
"""
