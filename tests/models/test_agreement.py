"""Agreement of labellers, against published examples and against what the words promise."""

import random

import pytest

from models.agreement import agreement, cohens_kappa, krippendorffs_alpha


def table(*rows: str) -> list[dict[str, str]]:
    """One row a person, one letter a thing, a dot where they did not judge."""
    return [{str(p): row[i] for p, row in enumerate(rows) if row[i] != "."} for i in range(len(rows[0]))]


@pytest.mark.parametrize(
    ("rows", "published"),
    [
        (("0100000010", "1110010000"), 0.095),  # section A: two people, two values
        (("aabbdcccedda", "babbbccceddd"), 0.692),  # section B: two people, five values
        (("123321412...", "1233224125.3", ".3332342251.", "12332441251."), 0.743),  # section C: gaps
    ],
)
def test_alpha_is_as_in_krippendorffs_own_examples(rows: tuple[str, ...], published: float) -> None:
    assert krippendorffs_alpha(table(*rows)) == pytest.approx(published, abs=6e-4)


def test_kappa_is_as_in_the_textbook() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)


def test_full_agreement_is_one_and_full_disagreement_less_than_nothing() -> None:
    same, other = agreement(table("yn", "yn")), agreement(table("yn", "ny"))
    assert (same.same, same.kappa, same.alpha) == (1.0, 1.0, 1.0)
    assert (other.same, other.kappa) == (0.0, -1.0)
    assert other.alpha is not None
    assert other.alpha < 0


def test_people_who_answer_by_chance_agree_no_more_than_chance() -> None:
    dice = random.Random(4)
    rows = ["".join(dice.choice("yyyn") for _ in range(4000)) for _ in range(3)]
    found = agreement(table(*rows))
    assert found.alpha == pytest.approx(0.0, abs=0.04)
    assert found.same == pytest.approx(0.75**2 + 0.25**2, abs=0.04)


@pytest.mark.parametrize("rows", [("yy", "yy"), ("y.", ".y"), ("y", "."), ("yyn",)])
def test_what_cannot_be_compared_has_no_figure(rows: tuple[str, ...]) -> None:
    found = agreement(table(*rows))
    assert found.kappa is None
    assert found.alpha is None


def test_kappa_is_for_two_people_and_alpha_for_more() -> None:
    three = agreement(table("yny", "ynn", "y.y"))
    assert (three.people, three.shared, three.kappa) == (("0", "1", "2"), 3, None)
    assert three.alpha is not None


def test_the_order_of_people_and_things_changes_nothing() -> None:
    rows = ("ynynnyyn", "ynyynyny", "nnyn.yyn")
    turned = [dict(reversed(list(said.items()))) for said in reversed(table(*rows))]
    assert krippendorffs_alpha(turned) == krippendorffs_alpha(table(*rows))
