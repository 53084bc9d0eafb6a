"""One agent at work on one task."""

from orchestrator.worker.worker import Moment, Worker

__all__ = ["Moment", "Worker"]
