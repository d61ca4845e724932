"""What a video says about itself, as one text."""

from schemas.media import Metadata


def own_words(metadata: Metadata) -> str:
    """Join what a video says about itself into one text: title, tags, description.

    >>> own_words(Metadata(title="Tea ", tags=("kettle", "cup"), description=" for two"))
    'Tea\\nkettle, cup\\nfor two'
    """
    parts = (metadata.title.strip(), ", ".join(metadata.tags).strip(), metadata.description.strip())
    return "\n".join(part for part in parts if part)
