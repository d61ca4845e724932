"""What a person sees, and what a program calls: pages and an API over a read model of the topics."""
