"""What does not fit together in a folder of tasks, with the lines that prove it: no lock, no write, no engine.

The documents are read as they lie there, kept by the engine or by hand; what cannot be read is a finding too.
A rule is a function from what was read to findings, and a row of a table in `report`: of one task, or of all together.
"""

from orchestrator.check.finding import Finding, Severity, Witness
from orchestrator.check.report import Report, check
from orchestrator.check.task_files import Facts

__all__ = ["Facts", "Finding", "Report", "Severity", "Witness", "check"]
