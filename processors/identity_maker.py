"""Which model made a gallery's vectors: those of two models have the same form and cannot be compared."""

import re

from processors.identity_draft import Draft
from schemas.commands import Photo
from schemas.errors import Refused
from schemas.faces import FaceTracked

_LOOKED_AT = re.compile(r"-\d+px$")
"""The size of the pictures in which faces were looked for is part of a version, but does not change vectors."""


def admit(draft: Draft, face: FaceTracked | Photo, *, is_empty: bool) -> None:
    """Let a face in whose vector was made as the others were; the first one of an empty gallery sets the rule.

    A photo that does not say what made its vector is let in: such are older than this rule.

    Raises
    ------
    Refused
        Another model made it.
    """
    maker, known = maker_of(face.model, face.model_version), draft.maker()
    if not maker or maker == known:
        return
    if known and not is_empty:
        raise Refused(
            f"the gallery holds faces made by {known}, but {maker} came: their vectors cannot be compared; "
            "go back to the gallery's model, or begin another gallery under another GROUNDSWELL_HOME"
        )
    draft.put_maker(maker)


def maker_of(model: str, model_version: str) -> str:
    """Name what makes vectors that can be compared.

    >>> maker_of("dlib", "a-b-448px") == maker_of("dlib", "a-b-640px")
    True
    """
    return f"{model} {_LOOKED_AT.sub('', model_version)}" if model else ""
