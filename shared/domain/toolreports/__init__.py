"""Reads the reports of upgrade tools as findings. The functions are pure. Unknown parts of a report are skipped."""
