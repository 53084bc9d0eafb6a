"""One agent at work on one task."""

from orchestrator.worker.moment import Moment
from orchestrator.worker.setting import Setting
from orchestrator.worker.worker import Worker

__all__ = ["Moment", "Setting", "Worker"]
