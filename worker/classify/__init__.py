"""From a response to a verdict: class by score and scale, words by lexicons, personal numbers out. Pure."""
