"""Where videos come from: links, uploads, local files; and what is refused."""
