"""Which subtitle tracks somebody who asked for a language can use."""


def speaks(tag: str, language: str) -> bool:
    """Whether a track's tag means the wanted language, whatever the region, script or spelling.

    Parameters
    ----------
    tag : str
        As a source spells it (``en-US``, ``eng``, ``en-orig``).
    language : str
        What is wanted (BCP 47).

    >>> speaks("en-GB", "en"), speaks("eng", "en"), speaks("de", "en"), speaks("und", "en")
    (True, True, False, False)
    """
    # It takes 50 ms to import, and most workers never ask.
    from langcodes import Language
    from langcodes.tag_parser import LanguageTagError

    try:
        return Language.get(tag).language == Language.get(language).language != "und"
    except LanguageTagError:
        return False
