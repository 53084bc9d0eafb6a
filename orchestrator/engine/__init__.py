"""Keeps journal and documents together; see `engine.engine` for the invariants and the steps of a commit."""

from orchestrator.engine.desk import Refreshed
from orchestrator.engine.engine import Engine
from orchestrator.engine.folder import Folder, draw_id, owner
from orchestrator.engine.lease import Lease

__all__ = ["Engine", "Folder", "Lease", "Refreshed", "draw_id", "owner"]
