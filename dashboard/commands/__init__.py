"""The commands that the dashboard adds to the command line."""
