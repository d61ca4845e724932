"""The broker, the topics and the one runner that puts stages on Kafka."""
