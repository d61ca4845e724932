"""Ways to learn a number from rows, all behind one small interface; see `examples` for it."""
