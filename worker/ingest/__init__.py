"""Reading: bytes from Kafka or a file become responses, or something that says why not."""
