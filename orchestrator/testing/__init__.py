"""Test agents without a model: a Messages API server on this machine that plays a screenplay."""

from orchestrator.testing.screenplay import Screenplay
from orchestrator.testing.server import ScriptedServer

__all__ = ["Screenplay", "ScriptedServer"]
