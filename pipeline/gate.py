"""Judge metrics by their limits. limits.json has limits that were measured on good models."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from pipeline.cli import UserError
from pipeline.data import DATASETS
from pipeline.metrics import METRICS

LIMITS_FILE = Path(__file__).with_name("limits.json")


class Check(NamedTuple):
    """A measured metric and the range that is required of it."""

    metric: str
    measured: float
    at_least: float  # -inf if there is no lower bound
    at_most: float  # inf if there is no upper bound

    @property
    def passed(self):
        return self.at_least <= self.measured <= self.at_most  # False for NaN

    def describe(self):
        """Return the measured value and the required range as text."""
        metric = METRICS[self.metric]
        bounds = [("≥", self.at_least), ("≤", self.at_most)]
        bounds = [(sign, bound) for sign, bound in bounds if math.isfinite(bound)]
        for more_digits in range(6):  # until the value and its limit look different
            measured = metric.show(self.measured, more_digits)
            required = [metric.show(bound, more_digits) for _, bound in bounds]
            if self.passed or measured not in required:
                break
        signs = [sign for sign, _ in bounds]
        pairs = zip(signs, required, strict=True)
        return measured, " and ".join(f"{sign} {text}" for sign, text in pairs)

    def __str__(self):
        measured, required = self.describe()
        symbol = "✓" if self.passed else "✗"
        line = f"{symbol} {METRICS[self.metric].title}: {measured} ({required})"
        if self.metric == "mistake_confidence" and self.measured < self.at_least:
            line += ": if all other checks pass, this may be good; then measure new"
            line += " limits with `python -m experiments.sweep --write`"
        return line


def judge(metric, measured, limits, at_least=-math.inf, at_most=math.inf):
    """Compare a metric with its limits (from `read_limits`) and with two fixed bounds.

    Returns a Check.
    """
    bounds = limits.get(metric, {})
    at_least = max(at_least, bounds.get("at_least", -math.inf))
    at_most = min(at_most, bounds.get("at_most", math.inf))
    return Check(metric, measured, at_least, at_most)


def metrics_with_limits(dataset):
    """Return the metrics that have measured limits: {metric: names of its limits}."""
    needed = {name: metric.limits for name, metric in METRICS.items() if metric.limits}
    if not DATASETS[dataset].second_test_set:
        del needed["synthetic_accuracy"]
    return needed


def read_limits(dataset):
    """Return the limits of a data set: {metric: {"at_least": float, "at_most": float}}.

    Raises UserError unless limits.json has exactly the limits that the data set needs.
    """
    rows, needed = read_limits_file().get(dataset), metrics_with_limits(dataset)
    try:
        if rows.keys() != needed.keys():
            raise ValueError("limits are missing, or there are too many")
        return {
            metric: {name: float(rows[metric][name]) for name in names}
            for metric, names in needed.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        problem = f"in {LIMITS_FILE.name}, {dataset} has too few or too many limits"
        advice = f"run `python -m experiments.sweep --dataset {dataset} --write`"
        raise UserError(f"{problem}: {advice}") from None


def read_limits_file():
    """Return the content of limits.json by data set; raise UserError if it is damaged."""
    try:
        return dict(json.loads(LIMITS_FILE.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (TypeError, ValueError):
        raise UserError(f"{LIMITS_FILE} is damaged: repair it, or delete it") from None
