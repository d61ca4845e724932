"""The report of a training run: one page that needs nothing else, whatever strangers call their videos."""

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import fitted
import msgspec
import pytest

from models.estimators.linear import RidgeRegression
from streams.target_files import shipped
from streams.training import Order as TrainingOrder
from streams.training import Trained, judge_on, train
from streams.training_report import report_of
from streams.training_rows import Fact
from streams.training_source import Change, Source, from_table
from streams.training_table import read_table

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """Tags, ids and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.others: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.others.append(value or "")


def order(name: str) -> TrainingOrder:
    return TrainingOrder(target=shipped()[name], release_id="r1", members=(RidgeRegression(),))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = fitted.write_table(tmp_path_factory.mktemp("report") / "videos.csv")
    lines = list(csv.reader(path.open(encoding="utf-8")))
    for number, line in enumerate(lines[1:]):
        line[0] = f"aB3dE5g{number:04d}"  # the look of YouTube's ids
        line[1] += f" {HOSTILE}"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return from_table(read_table(path, fitted.HashedWords()), HOSTILE, now_s=1.7e9)


@pytest.fixture(scope="module")
def trained(source: Source) -> Trained:
    return train(order("virality"), source)


@pytest.fixture(scope="module")
def page(trained: Trained) -> str:
    return report_of(trained)


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    read = Page(page)
    assert read.others == []
    assert not {"script", "img", "iframe", "link", "object"} & set(read.tags)
    assert "&lt;script&gt;" in page
    assert len(page) < 2_000_000


def test_worst_mistakes_lead_to_the_videos(page: str) -> None:
    links = Page(page).links
    assert len(links) == 12
    assert all(re.fullmatch(r"https://www\.youtube\.com/watch\?v=aB3dE5g\d{4}", link) for link in links)


def test_every_id_is_there_once_and_every_drawing_is_well_formed(page: str) -> None:
    read = Page(page)
    assert len(read.ids) == len(set(read.ids))
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 7
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", drawing)) <= {
            pair for name in read.ids for pair in ((name, ""), ("", name))
        }


def test_the_figures_on_the_page_are_those_of_the_run(trained: Trained, page: str) -> None:
    metrics = trained.learned.metrics
    for name in ("mse", "mse_constant"):
        assert f"{metrics[name]:.4g} <small>(" in page
    assert f"{metrics['coverage_90']:.1%}" in page
    for candidate in trained.learned.choice.candidates:
        assert f"<td>{candidate.name}</td>" in page


def test_the_same_run_gives_the_same_page(trained: Trained, page: str) -> None:
    assert report_of(trained) == page


def test_a_probability_has_chances_instead_of_intervals(source: Source) -> None:
    page = report_of(train(order("viral_probability"), source))
    assert "Reliability of the chances" in page
    assert "Coverage of the" not in page


def test_a_table_never_seen_has_its_line_and_its_mistakes(trained: Trained, source: Source) -> None:
    changes = [
        Change(f"url:{n}", msgspec.structs.replace(c.summary, video_id=f"url:{n}"), 0.0)
        for n, c in enumerate(source.changes())
        if c.summary
    ]
    elsewhere = judge_on(trained, Source(words="new.csv", changes=lambda: iter(changes), segments=lambda: iter(())))
    page = report_of(trained, elsewhere)
    assert "Worst mistakes on new.csv" in page
    assert f"{elsewhere.metrics['mse']:.4g} <small>(" in page


def test_a_fact_with_an_address_of_its_own_is_no_link(trained: Trained) -> None:
    odd = tuple(Fact("youtube:x' onclick='y", HOSTILE, HOSTILE) for _ in trained.rows.facts)
    page = report_of(replace(trained, rows=replace(trained.rows, facts=odd)))
    assert Page(page).links == []
