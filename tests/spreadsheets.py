"""Small tables in the formats that people bring, with made-up videos."""

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

Row = Sequence[object]

VIRANOVA = (
    ("Unnamed: 0", "video_id", "virality_score_%", "engagement_score_%", "transcript"),
    (17, "aB3dE5gH7jK", 61.25, 70.5, "so today we are going to build  a boat out of nothing but bottles"),
    (18, "Zz9_yX-w876", 99.99999, 12.0, "never do this at home"),
    (19, "Q1w2E3r4T5y", 0.5, 33.0, ""),
)
INFLUENCER = (
    ("Performance", "Video URL"),
    (1.25, "https://media.example.org/assets/hd-111"),
    (0.75, "https://media.example.org/assets/hd-222"),
    (None, None),
    (2.0, "https://media.example.org/assets/hd-111/other"),
)
TRENDING = (
    (
        "video_id", "title", "channel_title", "category_id", "tags", "views", "likes", "dislikes", "comment_total",
        "thumbnail_link", "date",
    ),
    ("kR4mN8pQ2sT", "Tea, slowly", "Kettle & Co", "26", 'tea|"green tea"', "1000", "50", "2", "7", "", "13.09"),
    ("#NAME?", "Minus first", "Signs", "24", "[none]", "300", "3", "0", "0", "", "13.09"),
    ("kR4mN8pQ2sT", "Tea, slowly", "Kettle & Co", "26", 'tea|"green tea"', "2500", "90", "4", "9", "", "14.09"),
    ("#NAME?", "Minus first", "Signs", "24", "[none]", "900", "9", "1", "2", "", "1.10"),
    ("vW6xY8zA1bC", "Broken date", "Signs", "24", "[none]", "5", "1", "0", "0", "", "24.09vW6xY8zA1bC"),
)  # fmt: skip
TIKTOK = (
    (
        "video_id", "author", "description", "likes", "comments", "shares", "plays", "hashtags", "music",
        "create_time", "video_url", "fetch_time", "views", "posted_time",
    ),
    (
        "7507286333505719001", "one_a", "Boats #boat", "38000", "65", "496", "416100.0", "boat, sea", "x",
        "2025-05-22 15:05:21", "https://www.tiktok.com/@one_a/video/7507286333505719001", "", "", "",
    ),
    (
        "7507286333505719002", "two_b", "Rain", "10", "1", "0", "", "", "y", "",
        "https://www.tiktok.com/@two_b/video/7507286333505719002", "2024-03-11 10:00:00", "1200", "2024-03-01 10:00:00",
    ),
)  # fmt: skip
WARNER = [
    {"etag": "a1", "labels": ["holiday", "gift giving"], "data": "https://clips.example.org/g/clip_8-4-of-12.mp4"},
    {"etag": "a2", "labels": ["none of the above"], "data": "https://clips.example.org/x/clip_9-1-of-3.mp4"},
    {"etag": "a3", "labels": ["shopping scenes", "picnic"], "data": "https://clips.example.org/x/clip_9-2-of-3.mp4"},
]


def write_table(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as CSV or TSV, gzipped if the name says so."""
    text = io.StringIO(newline="")
    separator = "\t" if ".tsv" in path.name else ","
    csv.writer(text, delimiter=separator).writerows([["" if c is None else c for c in row] for row in rows])
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def write_excel(path: Path, rows: Sequence[Row], *, empty_rows: int = 0) -> Path:
    """Write rows as the only sheet of a workbook; spreadsheets often keep empty rows below."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for number in range(empty_rows):
        sheet.cell(len(rows) + number + 1, 1).number_format = "0.00"
    book.save(path)
    return path
