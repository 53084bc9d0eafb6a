"""One agent at work on one task."""

from orchestrator.worker.worker import Moment, Setting, Worker

__all__ = ["Moment", "Setting", "Worker"]
