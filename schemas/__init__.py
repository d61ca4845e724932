"""What every event says: frozen msgspec structs, their keys and their errors. No I/O."""
