"""What lies on disk: media, weights, releases."""
