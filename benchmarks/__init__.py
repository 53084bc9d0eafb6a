"""What orchestrator costs, each figure a ratio to a peer measured beside it in the same run: `python -m benchmarks`."""
