"""What replies cost, from the price tables that come with genai-prices. Nothing is looked up on the network."""

from __future__ import annotations

from orchestrator.events import Usage

_PROVIDERS = ("litellm", "aws")
"""Whose names are tried: litellm knows a model by its own name or as `provider/name`, aws as `us.anthropic.name`."""


def cost(model: str, usage: Usage) -> float | None:
    """US dollars at today's list prices, None for a model whose price is not known.

    Tokens written to the cache count as kept for five minutes, which is what we ask for.
    """
    from genai_prices import Usage as Tokens  # a quarter of a second, paid only where a model is asked
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.total - usage.output_tokens,  # those of the cache among them
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        output_tokens=usage.output_tokens,
    )
    for provider in _PROVIDERS:
        try:
            return float(calc_price(tokens, model, provider_id=provider).total_price)
        except (LookupError, ValueError):  # a name it does not know; a count that cannot be
            continue
    return None
