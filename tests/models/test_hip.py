import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import check_grad

from models import hip
from schemas.errors import TrainingImpossible

DATA = Path(os.environ.get("GROUNDSWELL_DATA", Path(__file__).parents[3] / "shared" / "data"))
VECTOR = DATA / "hip" / "bUORBT9iFKc_testvector.json"

TRUE = hip.Process(gamma=900.0, eta=4000.0, mu=120.0, scale=7.5, offset_days=10.0, theta=1.2)
PUBLISHED_OBJECTIVE = 9.791e7


def shares(days: int = 90, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(25 * np.exp(-np.arange(days) / 40) + 5).astype(float)


def test_the_intensity_is_the_sum_of_the_paper() -> None:
    shared, expected = shares(30), np.zeros(30)
    for day in range(30):
        ago = day - np.arange(day) + TRUE.offset_days
        passed_on = TRUE.scale * (expected[:day] * ago ** -(1 + TRUE.theta)).sum()
        expected[day] = (TRUE.eta if day else TRUE.gamma) + TRUE.mu * shared[day] + passed_on
    np.testing.assert_allclose(hip.intensity(TRUE, shared), expected, rtol=1e-12)


def test_the_slopes_are_exact() -> None:
    shared = shares()
    views = hip.intensity(TRUE, shared) * 1.1
    at = np.array([500.0, 3000.0, 100.0, 0.04, 1.5, 0.9])
    units = hip._units(views, shared)
    size = float(views @ views)

    def value(scaled: np.ndarray) -> float:
        return hip._cost(scaled * units, views, shared)[0] / size

    def slope(scaled: np.ndarray) -> np.ndarray:
        return hip._cost(scaled * units, views, shared)[1] * units / size

    assert check_grad(value, slope, at / units) < 1e-5 * np.linalg.norm(slope(at / units))


def test_a_series_made_by_a_process_is_fitted_and_foretold() -> None:
    shared = shares(120)
    views = hip.intensity(TRUE, shared)
    fitted = hip.fit_tuned(views[:90], shared[:90])
    foretold = hip.forecast(fitted, shared, first_day=90)
    assert fitted.objective < 1e-4 * float(views @ views)
    np.testing.assert_allclose(foretold.sum(), views[90:].sum(), rtol=0.02)


def test_the_same_series_gives_the_same_fit() -> None:
    shared = shares()
    views = hip.intensity(TRUE, shared)
    assert hip.fit_tuned(views, shared) == hip.fit_tuned(views, shared)


def test_noise_is_not_fitted_worse_than_its_maker() -> None:
    shared = shares()
    made = hip.intensity(TRUE, shared)
    views = np.random.default_rng(3).poisson(made).astype(float)
    assert hip.fit(views, shared).objective <= ((made - views) ** 2).sum() / 2


def test_a_share_sets_off_what_the_kernel_sums_to() -> None:
    response = hip.respond(TRUE)
    single = np.eye(1, hip.LIFE_DAYS)[0]
    alone = hip.intensity(hip.Process(0.0, 0.0, 1.0, TRUE.scale, TRUE.offset_days, TRUE.theta), single)
    np.testing.assert_allclose(response.endogenous, alone.sum(), rtol=2e-3)
    np.testing.assert_allclose(response.virality, response.endogenous * TRUE.mu)
    assert response.maturity_days is not None
    assert alone[: response.maturity_days - 1].sum() < 0.95 * alone.sum() <= alone[: response.maturity_days].sum()


def test_an_audience_that_grows_by_itself_never_matures() -> None:
    response = hip.respond(hip.Process(0.0, 0.0, 1.0, 5.0, 1.0, 0.1))
    assert response.endogenous == float("inf")
    assert response.maturity_days is None


@pytest.mark.parametrize(
    ("views", "shared", "says"),
    [
        ([1.0] * 20, [1.0] * 19, "same days"),
        ([1.0] * 5, [1.0] * 5, "at least 14 days"),
        ([1.0] * 19 + [float("nan")], [1.0] * 20, "views of 0 or more"),
        ([1.0] * 20, [1.0] * 19 + [-1.0], "shares of 0 or more"),
        ([0.0] * 20, [1.0] * 20, "got none"),
    ],
)
def test_series_that_cannot_be_fitted_are_refused(views: list[float], shared: list[float], says: str) -> None:
    with pytest.raises(TrainingImpossible, match=says):
        hip.fit(views, shared)


@pytest.mark.parametrize("shared", [[0.0] * 30, [0.0] * 15 + [500.0] + [0.0] * 14])
def test_series_with_few_shares_are_fitted(shared: list[float]) -> None:
    views = np.linspace(1000, 10, 30)
    assert np.isfinite(hip.fit_tuned(views, shared, tuning_days=10).objective)


@pytest.mark.skipif(not VECTOR.exists(), reason="needs GROUNDSWELL_DATA with the published series")
def test_the_published_series_is_fitted_as_well_as_published() -> None:
    series = json.loads(VECTOR.read_text())
    known = hip.respond(hip.Process(*(series["params"][name] for name in ("gamma", "eta", "mu", "C", "c", "theta"))))
    assert hip.fit(series["views"], series["shares_recovered"]).objective <= PUBLISHED_OBJECTIVE * 1.0001
    np.testing.assert_allclose(known.endogenous, series["expected"]["endo"], atol=0.01)
    np.testing.assert_allclose(known.virality, series["expected"]["virality_score"], rtol=1e-3)
    assert known.maturity_days == series["expected"]["maturity_time"]
