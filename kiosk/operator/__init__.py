"""The operator's part: exchanging cassettes and reading totals."""
