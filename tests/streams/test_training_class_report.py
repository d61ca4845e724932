"""The page about a run of several classes: every class beside its base rate, in words and plots, harmless and whole."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import class_release
import msgspec
import pytest
import scenes

from streams.training_class_figures import class_outcome_of
from streams.training_class_report import class_report_of
from streams.training_classes import judge_classes_on


class Ids(HTMLParser):
    """Collects ids, tags and what is loaded from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag in ("script", "link", "img", "iframe"):
            self.loaded.append(tag)


@pytest.fixture(scope="module")
def page() -> str:
    trained = class_release.trained()
    return class_report_of(trained, judge_classes_on(trained, scenes.source(range(60, 75))))


def test_every_class_stands_beside_its_base_rate_with_its_definition(page: str) -> None:
    for one in class_release.trained().classes:
        assert f"{one.found} of {one.judged}" in page
        assert f"{one.metrics['base_rate']:.3f}" in page
        assert one.definition.split(":")[0] in page
    assert "shopping: 0 examples with it and 10 without" in page
    assert "It does better than the base rates" in page


def test_each_class_has_three_plots_and_no_id_is_there_twice(page: str) -> None:
    found = Ids(page)
    assert page.count("<svg") == 3 * len(class_release.trained().classes)
    assert len(found.ids) == len(set(found.ids)) > 0
    assert not found.loaded


def test_the_ways_and_the_test_table_are_shown(page: str) -> None:
    for words in ("text match", "neighbours", "calibrated line", "macro", "On made-up films"):
        assert words in page


def test_what_strangers_wrote_is_escaped() -> None:
    trained = class_release.trained()
    hostile = replace(trained.rows.facts[0], title="<script>alert(1)</script>\u202e")
    rows = replace(trained.rows, facts=(hostile,) * len(trained.rows.facts))
    found = class_report_of(replace(trained, rows=rows))
    assert "<script" not in found
    assert "&lt;script&gt;" in found
    assert "\u202e" not in found


def test_the_same_run_gives_the_same_page(page: str) -> None:
    trained = class_release.trained()
    assert class_report_of(trained, judge_classes_on(trained, scenes.source(range(60, 75)))) == page


def test_the_outcome_for_programs_has_every_figure_as_a_number() -> None:
    trained = class_release.trained()
    outcome = msgspec.json.decode(msgspec.json.encode(class_outcome_of(trained, None, is_published=False)))
    assert {"ap", "auc", "ece", "brier", "skill_low", "chosen", "methods", "beats_constant"} <= outcome.keys()
    assert [one["class"] for one in outcome["classes"]] == ["holiday", "halloween"]
    assert all(re.fullmatch(r"[0-9.e-]+", str(one["ap"])) for one in outcome["classes"])
    elsewhere = judge_classes_on(trained, scenes.source(range(60, 75)))
    judged = class_outcome_of(trained, elsewhere, is_published=True)
    assert judged["judged_on"] == "made-up films"
    assert judged["cross_validated"] == dict(trained.metrics)
