"""The influencer table: how the videos of each person did, after the seed study's average views by unique face."""

from typing import Literal

from dashboard.reading import Library
from dashboard.rows import MOST_ROWS, PersonRow

MOST_RANKED = 1000
"""Only the most seen are ranked: who was on screen for a second influences nobody."""

InfluenceBy = Literal["views", "engagement", "screen_s", "videos"]


def influencers(library: Library, *, by: InfluenceBy = "views", most: int = MOST_RANKED) -> list[PersonRow]:
    """Rank the most seen people; those without a figure come last."""
    people, cursor = list[PersonRow](), ""
    while len(people) < most:
        page = library.people(cursor=cursor, limit=MOST_ROWS)
        people += page.items
        cursor = page.next_cursor
        if not cursor:
            break
    return sorted(people[:most], key=lambda person: (-(getattr(person, by) or 0.0), person.identity_id))
