"""How products are ranked: what a thing is, then which one it is. The weights of the spaces in two stages."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lookalike.errors import LookalikeError
from lookalike.index.vector_search import normalize_weights
from lookalike.types import Weights


@dataclass(frozen=True)
class RankingRule:
    """Two stages. All products are ranked by weights; each block of them is then put in order by order_weights.

    A match's distance is the one that put it in order. Later blocks follow earlier ones whatever their distances are.

    Attributes:
        weights: how much each space counts in the first stage: squared distances are averaged by them.
        block: how many products the second stage orders at a time, 0 for no second stage.
        order_weights: how much each space counts in the second stage.
    """

    weights: Weights
    block: int = 0
    order_weights: Weights = field(default_factory=dict)

    def __str__(self) -> str:
        first = _weights_as_text(self.weights)
        if not self.has_second_stage:
            return first
        return f"{first}, then each {self.block} by {_weights_as_text(self.order_weights)}"

    @property
    def has_second_stage(self) -> bool:
        return self.block > 1 and bool(self.order_weights)

    @property
    def last_weights(self) -> Weights:
        """The weights that a match's distance is measured by."""
        return self.order_weights if self.has_second_stage else self.weights

    @property
    def spaces(self) -> set[str]:
        """The spaces that count in either stage."""
        return {name for weights in (self.weights, self.last_weights) for name, weight in weights.items() if weight > 0}


# The default: the first rule for whose first stage an index has all spaces. How each was chosen is in
# benchmarks/LOG.md.
DEFAULT_RULES = (
    RankingRule(
        {"tuned": 0.6, "fashion": 0.35, "look": 0.05}, 10, {"tuned": 0.5, "look": 0.25, "color": 0.15, "detail": 0.1}
    ),
    RankingRule({"fashion": 0.9, "look": 0.1}, 40, {"look": 0.6, "color": 0.25, "detail": 0.15}),
    RankingRule({"look": 1.0}),
)
# A head is as good as the products that it learned from are many. From so many on it counts in full; with fewer, the
# default lies between the first rule and the second.
PRODUCTS_FOR_A_FULL_HEAD = 2000
# In a small catalogue, a block of 40 holds things of another kind, which would come first for their color alone: it has
# 10 products up to 250, 40 from 550 on.
MIN_BLOCK, PRODUCTS_FOR_MIN_BLOCK, PRODUCTS_PER_PLACE = 10, 250, 10
# The two ends of the balance between the same look, 0, and the same color, 1; its middle keeps the rule.
SAME_LOOK = {"look": 0.5, "fashion": 0.5}
SAME_COLOR = {"color": 0.7, "fashion": 0.3}
DEFAULT_BALANCE = 0.5


def default_rule(spaces: Collection[str], products: int) -> RankingRule:
    """Return the default rule of an index with those spaces and so many products; its second stage may name others."""
    rule = next(rule for rule in DEFAULT_RULES if rule.weights.keys() <= set(spaces))
    if rule is DEFAULT_RULES[0] and products < PRODUCTS_FOR_A_FULL_HEAD:
        rule = _blend(rule, DEFAULT_RULES[1], products / PRODUCTS_FOR_A_FULL_HEAD)
    max_block = MIN_BLOCK + max(0, products - PRODUCTS_FOR_MIN_BLOCK) // PRODUCTS_PER_PLACE
    return replace(rule, block=min(rule.block, max_block))


def _blend(one: RankingRule, other: RankingRule, share: float) -> RankingRule:
    """Return the rule that lies between two of two stages; share is that of the first one, 0 to 1."""

    def between(weights: Weights, others: Weights) -> dict[str, float]:
        names = dict.fromkeys([*weights, *others])
        return {name: share * weights.get(name, 0) + (1 - share) * others.get(name, 0) for name in names}

    block = round(share * one.block + (1 - share) * other.block)
    return RankingRule(between(one.weights, other.weights), block, between(one.order_weights, other.order_weights))


def balanced_rule(rule: RankingRule, balance: float) -> RankingRule:
    """Return a rule for a balance between the same look, 0, and the same color, 1; 0.5 leaves the rule as it is."""
    if not rule.has_second_stage:
        return RankingRule(balanced(rule.weights, balance))
    return RankingRule(balanced(rule.weights, balance), rule.block, balanced(rule.order_weights, balance))


def balanced(weights: Weights, balance: float) -> dict[str, float]:
    """Return the weights for a balance between the same look, 0, and the same color, 1; 0.5 leaves weights as is."""
    end = SAME_COLOR if balance > DEFAULT_BALANCE else SAME_LOOK
    towards = abs(balance - DEFAULT_BALANCE) * 2
    mixed = {name: (1 - towards) * weight / sum(weights.values()) for name, weight in weights.items()}
    for name, weight in end.items():
        mixed[name] = mixed.get(name, 0) + towards * weight / sum(end.values())
    return mixed


def _weights_as_text(weights: Weights) -> str:
    return " + ".join(f"{weight:.2g} {name}" for name, weight in weights.items())


def usable_rule(rule: RankingRule | Weights, widths: Mapping[str, int]) -> RankingRule:
    """Return a rule with the weights of the spaces that exist, adding up to 1; weights alone are one stage.

    Raises LookalikeError if they rank nothing.
    """
    if not isinstance(rule, RankingRule):
        return RankingRule(_usable_weights(rule, widths))
    order = normalize_weights(rule.order_weights, widths) if rule.has_second_stage else {}
    return RankingRule(_usable_weights(rule.weights, widths), rule.block if order else 0, order)


def _usable_weights(weights: Weights, widths: Mapping[str, int]) -> dict[str, float]:
    usable = normalize_weights(weights, widths)
    if not usable or not all(0 <= weight < np.inf for weight in weights.values()):
        raise LookalikeError(
            "Weights must be numbers of at least 0, one of them above 0 for a space of the index: "
            f"{', '.join(widths)}. These were given: {', '.join(f'{name} {w}' for name, w in weights.items())}."
        )
    return usable
