"""Reads the reports of upgrade tools as findings. All functions in this module are pure. Unknown parts of a report are skipped."""
