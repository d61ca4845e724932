"""The pages: HTML from templates, one file a page."""
