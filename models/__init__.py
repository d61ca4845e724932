"""Arrays in, arrays out. Reads only a path it is given."""
