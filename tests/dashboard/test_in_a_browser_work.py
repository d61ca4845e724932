"""The work of those who teach: releases that serve and retire, labels that become a release with its report."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fitted
import pytest
import scenes
from browsers import IN_A_BROWSER, Visit
from households import VIDEO_LIMIT_MS, Household, answer_yes, fresh, until
from msgspec.structs import replace
from systems import System

from streams.dashboard_card import DashboardCard
from streams.kafka.bulk import BulkProducer
from streams.kafka.connection import bootstrap_of
from streams.release_roles import announce
from streams.settings import Settings
from streams.storage.releases import ReleaseShelf
from streams.world import open_media

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = IN_A_BROWSER


@pytest.fixture(scope="module", autouse=True)
def last_day(household: Household) -> Iterator[None]:
    """Nobody needs the household after these."""
    yield
    household.close()


def test_releases_go_into_the_shadow_serve_are_compared_and_retire(
    day: Visit, card: DashboardCard, system: System, cache: Path, tmp_path: Path
) -> None:
    settings = Settings(home=system.home, cache=cache)
    folder = fitted.release_folder(tmp_path / "other", "other", trained_at_s=1.0)
    announce(
        settings,
        bootstrap_of(settings),
        ReleaseShelf(system.home, open_media(settings)).publish(folder),
        role="retired",
    )
    page = day.open(f"{card.url}/models")
    row = page.locator("#virality tr", has=page.get_by_role("link", name="other", exact=True))
    until(lambda: fresh(page, row) == 1, "the other release")
    row.get_by_role("button", name="Shadow").click()
    row.get_by_text("in the shadow").wait_for()
    row.get_by_role("button", name="Promote").click()
    answer_yes(page)
    row.get_by_text("serves").wait_for()
    old = page.locator("#virality tbody tr").filter(has_not=page.get_by_role("link", name="other", exact=True)).first
    old.get_by_role("link", name="Compare").click()
    page.wait_for_url(re.compile("/models/compare"))
    assert "other" in page.locator("main").inner_text()
    day.open(f"{card.url}/models")
    row.get_by_role("button", name="Retire").click()
    answer_yes(page)
    row.get_by_text("retired").wait_for()
    old.get_by_text("serves").wait_for()
    assert day.troubles == []


def test_a_training_for_which_labels_are_missing_says_so_where_it_was_asked_for(
    day: Visit, card: DashboardCard
) -> None:
    page = day.open(f"{card.url}/label?target=scenes")
    page.get_by_role("button", name="Train now").click()
    page.locator("[data-job-here] .bad-ink").wait_for(timeout=VIDEO_LIMIT_MS)
    said = page.locator("[data-job-here] .bad-ink").inner_text()
    assert "label" in said or "example" in said, said
    page.locator("[data-job-here]").get_by_role("link", name="Details").click()
    page.wait_for_url(re.compile("view=jobs&job="))
    page.get_by_role("button", name="Ask again").wait_for()
    assert day.troubles == []


def test_labels_are_taught_from_their_page_and_the_report_is_read(
    day: Visit, card: DashboardCard, system: System, cache: Path
) -> None:
    _label_films(Settings(home=system.home, cache=cache))
    page = day.open(card.url)
    until(lambda: _label_page(page, card, "films").get_by_text("Learn Films").count() == 1, "the target")
    page.get_by_role("button", name="Train now").click()
    job = page.locator("[data-job-here]")
    report = job.get_by_role("link", name="Read the report")
    report.wait_for(timeout=VIDEO_LIMIT_MS)
    assert "Done." in job.inner_text()
    with day.context.expect_page() as opened:
        report.click()
    opened.value.get_by_role("heading", name=re.compile("films", re.IGNORECASE)).first.wait_for()
    assert "halloween" in opened.value.locator("body").inner_text()
    opened.value.close()
    job.get_by_role("link", name="Details").click()
    page.wait_for_url(re.compile("view=jobs&job="))
    page.get_by_role("heading", name="What came out").wait_for()
    until(lambda: _models_page(page, card, "films").get_by_text("serves").count() == 1, "that it serves")
    assert day.troubles == []


def _label_films(settings: Settings) -> None:
    """Put films on the topics, and what people said of their segments."""
    films, bootstrap = range(30), bootstrap_of(settings)
    target = replace(scenes.SCENES, event_id="films", name="films", title="Films")
    labels = [replace(one, target=target.name) for one in scenes.labels(films)]
    with BulkProducer(settings, bootstrap) as producer:
        for event in [target, *scenes.summaries(films), *labels]:
            producer.send(event)


def _label_page(page: "Page", card: DashboardCard, target: str) -> "Page":
    page.goto(f"{card.url}/label?target={target}")
    return page


def _models_page(page: "Page", card: DashboardCard, target: str) -> "Locator":
    page.goto(f"{card.url}/models")
    return page.locator(f"#{target} tbody")
