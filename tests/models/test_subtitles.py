"""Subtitle files become words in segments, each word once."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.media.segments import Span, segment
from models.media.subtitles import LARGEST_FILE_BYTES, Cue, assign, parse, rank, unroll, words
from schemas.media import SubtitleTrack

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello there\n\n2\n00:00:03,000 --> 00:00:04,000\nGeneral\nKenobi\n"
VTT = "WEBVTT\n\nNOTE a note\n00 not a cue\n\nSTYLE\n::cue { color: red }\n\nintro\n00:01.000 --> 00:02.500 align:start\nHello there\n\n00:00:03.000 --> 00:00:04.000\nGeneral\nKenobi\n"
ASS = "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,{\\i1}Hello{\\i0} there\nComment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,not said\nDialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,General\\NKenobi\n"
CUES = [Cue(1000, 2500, ("Hello", "there")), Cue(3000, 4000, ("General", "Kenobi"))]

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.350 align:start position:0%
 
we<00:00:00.520><c> plant</c><00:00:00.880><c> a</c><00:00:01.240><c> tree</c>

00:00:02.350 --> 00:00:02.360 align:start position:0%
we plant a tree
 

00:00:02.360 --> 00:00:04.269 align:start position:0%
we plant a tree
for<00:00:02.520><c> every</c><00:00:02.879><c> child</c>

00:00:04.269 --> 00:00:04.279 align:start position:0%
for every child
 

00:00:04.279 --> 00:00:06.789 align:start position:0%
for every child
every<00:00:04.519><c> single</c><00:00:04.839><c> year</c>
"""


@pytest.mark.parametrize("text", [SRT, VTT, ASS], ids=["srt", "vtt", "ass"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_format_and_encoding_gives_the_same_cues(text, encoding, line_end):
    assert parse(text.replace("\n", line_end).encode(encoding)) == CUES


def test_old_western_letters_are_read():
    assert parse("1\n00:00:01,000 --> 00:00:02,000\nCafé\n".encode("cp1252"))[0].words == ("Café",)


def test_rolling_captions_say_everything_once():
    assert [" ".join(cue.words) for cue in parse(ROLLING.encode())] == [
        "we plant a tree",
        "for every child",
        "every single year",
    ]


def test_a_refrain_by_hand_is_no_rolling_caption():
    refrain = "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nno no\n\n" for n in range(1, 6))
    assert [cue.words for cue in parse(refrain.encode())] == [("no", "no")] * 5


@given(st.lists(st.text("abcdefgh", min_size=3, max_size=6), min_size=6, max_size=60, unique=True))
def test_what_rolls_by_comes_out_as_it_was_said(said):
    lines = [tuple(said[i : i + 3]) for i in range(0, len(said), 3)]
    shown = [(lines[i - 1] if i else ()) + lines[i] for i in range(len(lines))]
    cues = [Cue(i * 1000, i * 1000 + 1000, both) for i, both in enumerate(shown)]
    assert [word for cue in unroll(cues) for word in cue.words] == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<i>it</i> is <b>so</b>", "it is so"),
        ("<v Mary Ann>hi", "hi"),
        ("{\\an8\\b1}up{\\b0} here", "up here"),
        ("[Music] ♪ la la ♪ [door slams]", "la la"),
        ("Tom &amp; Ann&nbsp;&lt;3", "Tom & Ann <3"),
        ("2 < 3 and 4 > 1", "2 < 3 and 4 > 1"),
        ("{not a tag} stays", "{not a tag} stays"),
        ("<script>alert(1)</script>", "alert(1)"),
        ("'; DROP TABLE segments; --", "'; DROP TABLE segments; --"),
    ],
)
def test_markup_goes_and_words_stay(text, expected):
    assert " ".join(words(text)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"WEBVTT",
        b"\xff\xfe\x00",
        b"\0" * 100,
        b"1\n99:99:99,999 --> 00:00:00,000\nx\n",
        b"[Script Info]\nDialogue: broken",
        b"00:00:01,000 --> 00:00:02,000",
        b"WEBVTT\n\n99999999999:00:00.000 --> 00:01.000\nx",
    ],
)
def test_broken_files_break_nothing(data):
    assert all(cue.start_ms <= cue.end_ms and cue.words for cue in parse(data))


@pytest.mark.parametrize("unit", [b"\n", b"<", b"{\\", b"[", b" ", b"00:00:01,000 --> ", b"1\n", b"a<b "])
def test_hostile_repetition_costs_linear_time(unit):
    hostile = b"1\n00:00:01,000 --> 00:00:02,000\nx" + unit * (400_000 // len(unit)) + b"y\n"
    started_s = time.process_time()
    parse(hostile)
    assert time.process_time() - started_s < 5


def test_only_the_beginning_of_an_endless_file_is_read():
    line = "1\n00:00:01,000 --> 00:00:02,000\nné\n\n".encode()
    cues = parse(line * (2 * LARGEST_FILE_BYTES // len(line) // 20) + b"x" * LARGEST_FILE_BYTES)
    assert cues[0].words == ("né",)


@st.composite
def spoken(draw):
    duration_ms = draw(st.integers(1, 120_000))
    starts_ms = sorted(draw(st.lists(st.integers(0, duration_ms), max_size=20, unique=True)))
    cues = []
    for number in range(draw(st.integers(0, 20))):
        start_ms = draw(st.integers(0, duration_ms - 1))
        end_ms = start_ms + draw(st.integers(0, 20_000))
        cues.append(Cue(start_ms, end_ms, tuple(f"w{number}.{i}" for i in range(draw(st.integers(1, 12))))))
    return sorted(cues, key=lambda cue: cue[:2]), segment(starts_ms, duration_ms)


@given(spoken())
def test_each_word_goes_to_exactly_one_segment(case):
    cues, spans = case
    assigned = [word for text in assign(cues, spans) for word in text.split()]
    assert sorted(assigned) == sorted(word for cue in cues for word in cue.words)


@given(spoken())
def test_no_word_leaves_its_cue_by_more_than_its_segment(case):
    cues, spans = case
    placed = {word: span for span, text in zip(spans, assign(cues, spans), strict=True) for word in text.split()}
    for cue in cues:
        for word in cue.words:
            assert placed[word].start_ms <= max(cue.end_ms, cue.start_ms)
            assert placed[word].end_ms > cue.start_ms


def test_a_cue_over_a_cut_is_split_by_time():
    cues = [Cue(0, 4000, ("one", "two", "three", "four"))]
    assert assign(cues, [Span(0, 3000), Span(3000, 8000)]) == ["one two three", "four"]


def test_words_after_the_end_of_the_video_are_not_in_it():
    cues = [Cue(1000, 9000, ("all", "of", "this")), Cue(5000, 6000, ("never", "seen"))]
    assert assign(cues, [Span(0, 4000)]) == ["all of this"]


def track(language, kind="manual"):
    return SubtitleTrack(language=language, kind=kind, ref=f"{kind}-{language}")


@pytest.mark.parametrize(
    ("available", "wanted", "best"),
    [
        ([track("en", "automatic"), track("en")], ("en",), track("en")),
        ([track("en", "embedded"), track("en", "uploaded")], ("en",), track("en", "uploaded")),
        ([track("en", "automatic"), track("en", "embedded")], ("en",), track("en", "embedded")),
        ([track("fr"), track("en", "automatic")], ("en", "fr"), track("en", "automatic")),
        ([track("de"), track("eng", "embedded")], ("en",), track("eng", "embedded")),
        ([track("en-GB"), track("en-US")], ("en-GB",), track("en-GB")),
        ([track("en-orig", "automatic"), track("de")], ("en",), track("en-orig", "automatic")),
        ([track("und", "uploaded"), track("en", "automatic")], ("en",), track("en", "automatic")),
        ([track("und", "uploaded"), track("de")], ("en",), track("und", "uploaded")),
        ([track("pt-BR")], ("pt",), track("pt-BR")),
    ],
)
def test_the_best_track_is_first(available, wanted, best):
    assert rank(available, wanted)[0] == best
    assert rank(reversed(available), wanted)[0] == best


@pytest.mark.parametrize("languages", [["de"], ["x y!"], [""], ["und"]])
def test_tracks_in_other_languages_do_not_serve(languages):
    tracks = [track(language, "automatic") for language in languages]
    assert rank(tracks, ("en",)) == []


def test_real_rolling_captions_repeat_nothing(data_folder):
    path = data_folder / "subtitles" / "youtube_auto_rolling_ragtitles.vtt"
    if not path.exists():
        pytest.skip(f"no captions to try: {path.name} is not there")
    said = [word for cue in parse(path.read_bytes()) for word in cue.words]
    assert " ".join(said[:10]) == "lost another colony to Raiders let's make sure the next"
    assert "let's make sure the next one doesn't suffer the same fate" in " ".join(said)
