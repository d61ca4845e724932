"""What it costs: one script per question, each prints a table and, with ``--json``, JSON."""
