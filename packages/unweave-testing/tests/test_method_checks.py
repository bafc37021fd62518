"""Each deliberately wrong method fails the check that is named for its fault, and no other."""

import importlib.util
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from unweave_testing import method_checks, run
from unweave_testing.schedules import is_weight

NAMES = {
    "cost": ("l1", "l2sq"),
    "estimator": ("mmd", "variance"),
    "objective": ("sum", "duel"),
    "posterior": ("gaussian", "fixed-noise"),
    "prior": ("normal",),
}


@dataclass(frozen=True)
class Term:
    estimator: str
    weights: object
    options: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    terms: tuple[Any, ...]
    cost: str = "l2sq"
    posterior: str = "fixed-noise:noise=0.2"
    prior: str = "normal"
    objective: str = "sum"
    objective_options: dict[str, Any] = field(default_factory=dict)


def right(
    *,
    lambda_: float | str = 2.0,
    kernel: Literal["imq", "rbf"] = "imq",
    target: float | None = None,
    groups: tuple[int, ...] = (),
    per_dimension: bool = False,
    copies: int = 1,
    cost: str = "l2sq",
    players: str = "rmsprop:lr=1e-4",
) -> Method:
    """Squared error + lambda MMD."""
    options = {"kernel": kernel, "groups": groups, "per_dimension": per_dimension, "n": copies}
    targets = {} if target is None else {"mmd": target}
    terms = (Term("mmd", {"mmd": lambda_}, options, targets),)
    return Method(terms, cost, objective="duel", objective_options={"players": players})


def undocumented(*, lambda_: float = 2.0) -> Method:
    return right(lambda_=lambda_)


def positional(lambda_: float = 2.0) -> Method:
    """Method."""
    return right(lambda_=lambda_)


def required(*, lambda_: float) -> Method:
    """Method."""
    return right(lambda_=lambda_)


def bare(*, lambda_=2.0):
    """Method."""
    return right(lambda_=lambda_)


def one_term(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(), terms=list(right(lambda_=lambda_).terms))


def an_object(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(lambda_=lambda_), posterior=object)


def an_objective(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(lambda_=lambda_), objective=object)


def listed_options(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(lambda_=lambda_), objective_options=["rmsprop"])


def infinite(*, lambda_: float = 2.0) -> Method:
    """Method."""
    terms = (*right(lambda_=lambda_).terms, Term("variance", {"variance": float("inf")}))
    return Method(terms)


def misspelt_schedule(*, steps: int = 10) -> Method:
    """Method."""
    return right(lambda_=f"warm-up(6, {steps})")


def descending_steps(*, start: float = 1e-3) -> Method:
    """Method."""
    return right(lambda_=f"steps({start}, 30: 0.5, 20: 0.1)")


def target_alone(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return Method((Term("mmd", {"mmd": lambda_}, targets={"other": 1.0}),))


def forgetful(*, lambda_: float = 2.0, noise: float = 0.2) -> Method:
    """Method."""
    return right(lambda_=lambda_)


calls = itertools.count()


def wavering(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return Method((Term("mmd", lambda_, {"seed": next(calls)}),))


def unknown_estimator(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return Method((Term("mdm", lambda_),))


def unknown_objective(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(lambda_=lambda_), objective="duell")


def unknown_posterior(*, lambda_: float = 2.0) -> Method:
    """Method."""
    return replace(right(lambda_=lambda_), posterior="my-dist:gausian:head=softplus")


FAULTS: dict[Callable[..., Any], str] = {
    undocumented: "docstring",
    positional: "options",
    one_term: "record",
    an_object: "record",
    an_objective: "record",
    listed_options: "record",
    infinite: "weights",
    misspelt_schedule: "weights",
    descending_steps: "weights",
    target_alone: "weights",
    forgetful: "option-effects",
    wavering: "deterministic",
    unknown_estimator: "names",
    unknown_objective: "names",
    unknown_posterior: "names",
}
# What the core would say of these stand-ins is not a matter here.
STRUCTURE = [check for check in method_checks(known=NAMES) if check.name != "loss"]


def test_a_right_method_passes():
    report = run(STRUCTURE, right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 7


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(STRUCTURE, wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


@pytest.mark.parametrize(("wrong", "words"), [(bare, "annotation"), (required, "default")])
def test_options_that_are_not_complete(wrong, words):
    report = run(STRUCTURE, wrong)
    assert "options" in report.names("failed")
    assert words in str(report)


def test_unknown_names_are_named_with_the_known():
    report = str(run(STRUCTURE, unknown_estimator))
    assert "no estimator is called 'mdm'; known: mmd, variance" in report
    assert "no posterior is called 'gausian'" in str(run(STRUCTURE, unknown_posterior))


SCHEDULES = [
    "6", " 1e-3", "linear(0, 25, 1000)", "Warmup(6, 10)", "cosine(1e-3,1e-5,100)",
    "exponential(-1, -.1, 1e4)", "steps(1e-3, 18000: .5, 30000: .1)", "steps(2,1:0)",
]  # fmt: skip
NONE = [
    "", "six", "linear(0, 25)", "linear(0, 25, 0)", "warmup(6, 1.5)", "cosine(1, 2, -3)", "1e999",
    "exponential(1, 0, 10)", "exponential(-1, 1, 10)", "steps(1)", "steps(1, 10: .5, 10: .1)",
    "steps(1, 0: .5)", "steps(1, 2: 1e999)", "step(1, 2: .5)", "steps(1, 2: .5",
    "linear(1, 2, 1e999)",
]  # fmt: skip


def test_what_is_no_schedule_is_no_weight():
    assert [text for text in NONE if is_weight(text)] == []
    assert not any(map(is_weight, (float("nan"), True, None, "nan", [1.0])))


@pytest.mark.parametrize("text", SCHEDULES)
def test_texts_of_schedules_pass(text):
    def scheduled(*, weight: str = text) -> Method:
        """Method."""
        return right(lambda_=text if weight == text else 1.0)

    assert "weights" in run(STRUCTURE, scheduled).names("passed")


def test_other_values_are_facts():
    def picky(*, code: str = "a7") -> Method:
        """Method."""
        if code not in ("a7", "b9"):
            raise ValueError("no such code")
        return right(lambda_=1.0 if code == "a7" else 2.0)

    assert "pass one: method_checks(other={'code': ...})" in str(run(method_checks(), picky))
    checks = method_checks(other={"code": "b9"})
    assert "option-effects" in run(checks, picky).names("passed")
    wrong = run(method_checks(other={"coed": "b9"}), picky)
    assert "other must name options of the method, got coed" in str(wrong)


def test_without_known_names_they_are_not_checked():
    assert "names" in run(method_checks(), right).names("skipped")
    with pytest.raises(ValueError, match="known must have kinds among .*, got 'metric'"):
        method_checks(known={"metric": ["mig"]})


def test_records_without_an_objective_pass():
    @dataclass(frozen=True)
    class Older:
        terms: tuple[Any, ...]
        cost: str = "l2sq"
        posterior: str = "gaussian"
        prior: str = "normal"

    def older(*, weight: float = 1.0) -> Older:
        """Method."""
        return Older((Term("mmd", {"mmd": weight}),))

    assert run(STRUCTURE, older).ok


def test_without_the_core_the_loss_is_not_checked(monkeypatch):
    monkeypatch.setitem(sys.modules, "unweave", None)
    assert "loss" in run(method_checks(), right).names("skipped")


@pytest.mark.skipif(not importlib.util.find_spec("unweave"), reason="unweave is not installed")
class TestWithTheCore:
    @pytest.fixture(autouse=True)
    def _estimators(self):
        pytest.importorskip("unweave_estimators")
        pytest.importorskip("unweave_priors")

    def test_a_right_method_has_a_loss(self):
        def variance(*, weight: float = 0.1) -> Method:
            """Method."""
            return Method((Term("variance", {"variance": weight}),))

        report = run(method_checks(), variance)
        assert report.ok, str(report)
        assert "loss" in report.names("passed")

    def test_an_estimator_that_needs_a_density_has_none_without_it(self):
        def points(*, weight: float = 0.1) -> Method:
            """Method."""
            return Method((Term("analytic-kl", {"kl": weight}),), posterior="deterministic")

        report = run(method_checks(), points)
        assert report.names("failed") == ("loss",)
        assert "has no density" in str(report)

    def test_schedules_are_those_of_the_core(self):
        from unweave import Schedule

        for text in SCHEDULES:
            Schedule.parse(text)
        for text in NONE:
            with pytest.raises(ValueError, match=r"schedule|expected"):
                Schedule.parse(text)

    def test_a_registered_method_is_looked_up_under_its_own_name(self):
        from unweave.methods.adversarial import vae_gan

        (check,) = [check for check in method_checks() if check.name == "loss"]
        check(vae_gan)

    def test_an_objective_that_does_not_fit_is_named(self):
        def game(*, codes: int = 99) -> Method:
            """Method."""
            return Method((), objective="infogan", objective_options={"codes": codes})

        report = run(method_checks(), game)
        assert report.names("failed") == ("loss",), str(report)
        assert "infogan needs dim of at least codes=99" in str(report)

    def test_a_method_that_leaves_the_encoder_as_it_is_fails(self):
        def still(*, rate: str = "1e-30") -> Method:
            """Method."""
            options = {"generator_player": f"sgd:lr={rate}", "discrete": 0}
            return Method((), objective="infogan", objective_options=options)

        report = run(method_checks(), still)
        assert "loss: a step of training does not move the encoder" in report.problems

    def test_an_unknown_term_is_named(self):
        def misspelt(*, weight: float = 0.1) -> Method:
            """Method."""
            return Method((Term("variance", {"kl": weight}),))

        report = run(method_checks(), misspelt)
        assert report.names("failed") == ("loss",)
        assert "kl" in str(report)
