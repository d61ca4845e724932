"""Who may do what: tokens, users, sessions, and the trail they leave."""
