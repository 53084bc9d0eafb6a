"""What replies cost. The prices are those of models that are sold no more, and so do not change."""

from __future__ import annotations

import socket

import pytest
from anthropic.resources.messages import DEPRECATED_MODELS

from orchestrator.events import Usage
from orchestrator.models import Names, pricing

USED = Usage(input_tokens=1_000, output_tokens=200, cache_read_input_tokens=30_000, cache_creation_input_tokens=4_000)


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        # a million tokens cost 15 $ in, 75 out, 1.50 read from the cache, 18.75 written to it:
        # 0.015 + 0.015 + 0.045 + 0.075
        ("claude-3-opus-20240229", 0.15),
        ("anthropic/claude-3-opus-20240229", 0.15),
        # 0.25 in, 1.25 out, 0.03 read, 0.30 written: 0.00025 + 0.00025 + 0.0009 + 0.0012
        ("claude-3-haiku-20240307", 0.0026),
    ],
)
def test_tokens_that_the_cache_gave_or_took_have_their_own_price(model: str, dollars: float) -> None:
    assert pricing.cost(model, USED) == pytest.approx(dollars)


@pytest.mark.parametrize("name", list(Names()))
def test_the_model_that_a_short_name_means_has_a_price_and_is_not_withdrawn(name: str) -> None:
    model = Names().full(name)
    price = pricing.cost(model, USED)
    assert price is not None
    assert price > 0
    assert model not in DEPRECATED_MODELS


def test_a_region_of_bedrock_costs_more_than_anywhere() -> None:
    here, anywhere = (pricing.cost(f"{place}.anthropic.claude-sonnet-5-5", USED) for place in ("us", "global"))
    assert here is not None
    assert anywhere is not None
    assert here > anywhere


@pytest.mark.parametrize("model", ["a-model-of-mine", "", "claude", "claude-sonnet-99", "a/b"])
def test_the_price_of_a_model_that_nobody_sells_is_not_known(model: str) -> None:
    assert pricing.cost(model, USED) is None


def test_nothing_is_asked_on_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", None)
    assert pricing.cost("claude-sonnet-5-5", USED)
    assert pricing.cost("a-model-of-mine", USED) is None
