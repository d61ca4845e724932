"""The Hawkes intensity process: how a video's daily views follow from its shares and from its own past views.

    xi[0] = gamma + mu s[0]
    xi[t] = eta + mu s[t] + C sum over tau < t of xi[tau] (t - tau + c) ** -(1 + theta)

`s` is the exogenous series (shares a day), the sum is what the audience itself passes on, with a power-law memory.

Source: Rizoiu, Xie, Sanner, Cebrian, Yu and Van Hentenryck, Expecting to be HIP, WWW 2017 (arXiv 1602.06033).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import TrainingImpossible

RESTARTS = 8
SEED = 1602
"""Fixed, so that the same series gives the same fit."""

SHORTEST_DAYS = 14
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3)
"""Weights of the regulariser that are tried, as shares of the squared views."""

LIFE_DAYS = 10_000
"""The response to one share is followed so far; what comes later is less than any rounding."""

MATURE = 0.95

_LOWEST = np.array([0.0, 0.0, 0.0, 0.0, np.log(1e-6), 0.05])
_HIGHEST = np.array([np.inf, np.inf, np.inf, np.inf, np.log(1e3), 5.0])

Floats = NDArray[np.float64]


class Process(msgspec.Struct, frozen=True):
    """Parameters of the process.

    Attributes
    ----------
    gamma, eta : float
        Views on the first day, and on every later one, that come from nowhere we can see.
    mu : float
        Views that one share brings at once.
    scale, offset_days, theta : float
        C, c and theta of the memory kernel ``C (days + c) ** -(1 + theta)``.
    """

    gamma: float
    eta: float
    mu: float
    scale: float
    offset_days: float
    theta: float


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted process.

    Attributes
    ----------
    objective : float
        Half the sum of squared errors over the days it was fitted on, without the regulariser.
    penalty : float
        Weight of the regulariser that was chosen.
    """

    process: Process
    objective: float
    penalty: float
    days: int


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What one share sets off.

    Attributes
    ----------
    endogenous : float
        Views that follow from one view, itself included; infinite when each view brings another or more.
    virality : float
        Views that follow from one share.
    maturity_days : int or None
        Days until 95 % of them have come.
    """

    endogenous: float
    virality: float
    maturity_days: int | None


def intensity(process: Process, shares: Sequence[float] | Floats) -> Floats:
    """Expected views a day, shape (days,), from shares a day."""
    return _run(_vector(process), np.asarray(shares, float))


def fit(views: Sequence[float] | Floats, shares: Sequence[float] | Floats, *, penalty: float = 0.0) -> Fit:
    """Fit all days by least squares: L-BFGS-B with exact gradients, from several starting points.

    Parameters
    ----------
    views, shares : shape (days,)
        A day each, from the day of publication.
    penalty : float
        Weight of the regulariser; 0 for none.

    Raises
    ------
    TrainingImpossible
        The series are too short, of different lengths, negative, not finite, or there are no views.
    """
    seen, shared = _checked(views, shares)
    with _one_thread():
        free = _best_of(seen, shared, _starts(seen, shared))
        found = free if penalty == 0 else _regularised(seen, shared, free, penalty=penalty)
    return _fit_of(found, seen, shared, penalty=penalty)


def fit_tuned(views: Sequence[float] | Floats, shares: Sequence[float] | Floats, *, tuning_days: int = 15) -> Fit:
    """Choose the regulariser by the forecast of the last days, then fit all days with it.

    Raises
    ------
    TrainingImpossible
        As `fit`, also when too few days are left before the tuning days.
    """
    seen, shared = _checked(views, shares)
    taught = len(seen) - tuning_days
    _checked(seen[:taught], shared[:taught])
    with _one_thread():
        free = _best_of(seen[:taught], shared[:taught], _starts(seen[:taught], shared[:taught]))

    def error(penalty: float) -> float:
        found = free if penalty == 0 else _regularised(seen[:taught], shared[:taught], free, penalty=penalty)
        return float(((_run(found, shared)[taught:] - seen[taught:]) ** 2).sum())

    with _one_thread():
        penalty = min(PENALTIES, key=error)
    return fit(seen, shared, penalty=penalty)


def forecast(fitted: Fit, shares: Sequence[float] | Floats, *, first_day: int) -> Floats:
    """Expected views a day from `first_day` on, given the shares of all days, shape (days - first_day,)."""
    return intensity(fitted.process, shares)[first_day:]


def respond(process: Process) -> Response:
    """Measure what one share sets off.

    Source: the endogenous response of the paper; the sum of the kernel is a Hurwitz zeta function.
    """
    from scipy.special import zeta  # scipy takes half a second to import

    branching = process.scale * float(zeta(1 + process.theta, 1 + process.offset_days))
    if branching >= 1:
        return Response(endogenous=float("inf"), virality=float("inf"), maturity_days=None)
    single = np.zeros(LIFE_DAYS)
    single[0] = 1.0
    alone = intensity(msgspec.structs.replace(process, gamma=0.0, eta=0.0, mu=1.0), single)
    mature = int(np.searchsorted(np.cumsum(alone), MATURE * alone.sum())) + 1
    endogenous = 1 / (1 - branching)
    return Response(endogenous=endogenous, virality=process.mu * endogenous, maturity_days=mature)


def _one_thread() -> AbstractContextManager[object]:
    """Keep the threads of linear algebra away: with ninety numbers they wait ten times longer than they work."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _vector(process: Process) -> Floats:
    """The parameters as they are searched: the kernel by its height after one day, its offset by the logarithm.

    C, c and theta move together along a flat valley; these three hardly do.
    """
    height = process.scale * (1 + process.offset_days) ** -(1 + process.theta)
    return np.array([process.gamma, process.eta, process.mu, height, np.log(process.offset_days), process.theta])


def _process(vector: Floats) -> Process:
    gamma, eta, mu, height, log_offset, theta = map(float, vector)
    offset = float(np.exp(log_offset))
    return Process(gamma, eta, mu, height * (1 + offset) ** (1 + theta), offset, theta)


def _checked(views: Sequence[float] | Floats, shares: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    seen, shared = np.asarray(views, float), np.asarray(shares, float)
    if seen.ndim != 1 or seen.shape != shared.shape:
        raise TrainingImpossible(f"expected views and shares of the same days, got {seen.shape} and {shared.shape}")
    if len(seen) < SHORTEST_DAYS:
        raise TrainingImpossible(f"expected at least {SHORTEST_DAYS} days of views and shares, got {len(seen)}")
    for series, name in ((seen, "views"), (shared, "shares")):
        if not np.isfinite(series).all() or (series < 0).any():
            raise TrainingImpossible(f"expected {name} of 0 or more for every day, got {series.min()}")
    if not seen.any():
        raise TrainingImpossible("expected views on at least one day, got none")
    return seen, shared


def _kernel(vector: Floats, days: int) -> tuple[Floats, Floats]:
    """The memory of 0 to days - 1 days ago, 1 after one day and 0 for today, and the logarithms of its base."""
    ago = np.arange(days) + np.exp(vector[4])
    base = ago / (1 + np.exp(vector[4]))
    kernel = base ** -(1 + vector[5])
    kernel[0] = 0.0
    return kernel, np.log(base)


def _run(vector: Floats, shares: Floats) -> Floats:
    kernel, _ = _kernel(vector, len(shares))
    return _pass_on(vector, kernel, _exogenous(vector, shares))


def _exogenous(vector: Floats, shares: Floats) -> Floats:
    outside: Floats = vector[1] + vector[2] * shares
    outside[0] += vector[0] - vector[1]
    return outside


def _pass_on(vector: Floats, kernel: Floats, outside: Floats) -> Floats:
    """Solve ``x = outside + height kernel * x``: a filter with the kernel as its feedback."""
    from scipy.signal import lfilter

    feedback = -vector[3] * kernel
    feedback[0] = 1.0
    return np.asarray(lfilter([1.0], feedback, outside))


def _cost(vector: Floats, seen: Floats, shares: Floats) -> tuple[float, Floats]:
    """Half the squared error, and its slope by each parameter.

    The error runs back through the same filter once (the adjoint), instead of every slope forth.
    """
    days = len(seen)
    kernel, log_base = _kernel(vector, days)
    found = _pass_on(vector, kernel, _exogenous(vector, shares))
    error = found - seen
    back = _pass_on(vector, kernel, error[::-1])[::-1]
    offset = np.exp(vector[4])
    by_log_offset = -(1 + vector[5]) * kernel * offset * (1 / (np.arange(days) + offset) - 1 / (1 + offset))
    echoes = np.correlate(back, found, "full")[days - 1 :]  # by lag: what a change of the kernel there does
    slope = [
        back[0],
        back[1:].sum(),
        back @ shares,
        kernel @ echoes,
        vector[3] * by_log_offset @ echoes,
        -vector[3] * (kernel * log_base) @ echoes,
    ]
    return float(error @ error) / 2, np.array(slope)


def _units(seen: Floats, shared: Floats) -> Floats:
    """Sizes that make all parameters about 1, so that one step length suits them all."""
    return np.array([seen.mean(), seen.mean(), seen.sum() / max(shared.sum(), 1.0), 1.0, 1.0, 1.0])


def _starts(seen: Floats, shared: Floats) -> list[Floats]:
    """Parts of the views from each source, memories of a day to weeks."""
    random = np.random.default_rng(SEED)
    parts = random.uniform(0.05, 1.0, (RESTARTS, 3)) * _units(seen, shared)[:3]
    memory = random.uniform([0.01, np.log(0.1), 0.1], [0.5, np.log(30), 3.0], (RESTARTS, 3))
    return [np.concatenate(start) for start in zip(parts, memory, strict=True)]


def _best_of(seen: Floats, shared: Floats, starts: Sequence[Floats]) -> Floats:
    found = [_descend(seen, shared, start, weights=np.zeros(6)) for start in starts]
    return min(found, key=lambda vector: _half_squares(vector, seen, shared))


def _regularised(seen: Floats, shared: Floats, free: Floats, *, penalty: float) -> Floats:
    """Fit again with gamma, eta, mu and the kernel drawn to zero, each by its own free size, as the paper does."""
    drawn = np.zeros(6)
    large = free[:4] > 0
    drawn[:4][large] = penalty * float(seen @ seen) / free[:4][large] ** 2
    return _descend(seen, shared, free, weights=drawn)


def _descend(seen: Floats, shared: Floats, start: Floats, *, weights: Floats) -> Floats:
    from scipy.optimize import minimize

    units, size = _units(seen, shared), float(seen @ seen) / 2

    def cost(scaled: Floats) -> tuple[float, Floats]:
        vector = scaled * units
        with np.errstate(over="ignore", invalid="ignore"):
            value, slope = _cost(vector, seen, shared)
        if not np.isfinite(value) or not np.isfinite(slope).all():
            return 1e12, np.zeros(6)  # each view brings more than one: the series explodes; step back
        drawn = float(weights @ vector**2) / 2
        return (value + drawn) / size, units * (slope + weights * vector) / size

    limits = list(zip(_LOWEST / units, _HIGHEST / units, strict=True))
    options = {"maxiter": 300, "ftol": 1e-10, "gtol": 1e-8}
    found = minimize(cost, start / units, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    best: Floats = np.clip(found.x * units, _LOWEST, _HIGHEST)
    return best


def _half_squares(vector: Floats, seen: Floats, shared: Floats) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        error = _run(vector, shared) - seen
        total = float(error @ error) / 2
    return total if np.isfinite(total) else np.inf


def _fit_of(vector: Floats, seen: Floats, shared: Floats, *, penalty: float) -> Fit:
    objective = _half_squares(vector, seen, shared)
    return Fit(process=_process(vector), objective=objective, penalty=penalty, days=len(seen))
