"""Tables that people have: whatever format and column names, read line by line into events."""
