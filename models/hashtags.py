"""Finds hashtags in what people write about their videos."""

import re

MOST_HASHTAGS = 200
"""Spam has thousands; sites show a few dozen at most."""

_HASHTAG = re.compile(r"(?<![\w#&/])#(\w{1,100})")
_MARKED = re.compile(r"[#\uff03]\S+")


def hashtags(text: str) -> tuple[str, ...]:
    """List the hashtags of a text without ``#``, in order, each once whatever its capitals.

    >>> hashtags("New! #Space #nasa https://x.org/#top #space #1")
    ('Space', 'nasa')
    """
    first = {tag.casefold(): tag for tag in reversed(_HASHTAG.findall(text)) if not tag.isdigit()}
    in_order = [tag for tag in _HASHTAG.findall(text) if first.pop(tag.casefold(), None) is not None]
    return tuple(in_order[:MOST_HASHTAGS])


def without_hashtags(text: str) -> str:
    """Take everything that begins with ``#`` out of a text, so that what is left cannot give a hashtag away.

    >>> without_hashtags("New! #Space #nasa#moon at nine")
    'New!   at nine'
    """
    return _MARKED.sub("", text)
