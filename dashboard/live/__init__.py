"""What changes reaches open pages and programs within a moment."""
