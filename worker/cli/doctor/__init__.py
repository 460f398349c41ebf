"""`innerloop doctor`: every dependency, what is wrong with it, why it matters, what to do."""
