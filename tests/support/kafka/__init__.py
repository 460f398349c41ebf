"""A Kafka for tests: Apache's own with java and mvn, else librdkafka's in-process one."""
