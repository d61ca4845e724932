"""One stage each: events in, events out. No Kafka, no async, no clock."""
