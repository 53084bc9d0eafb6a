"""A tree of tasks at work: their workers, side by side, and what they give to each other, ask and answer."""

from orchestrator.team.team import Team as Team
from orchestrator.team.workers import End as End
