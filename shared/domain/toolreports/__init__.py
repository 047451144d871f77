"""Reads the reports of upgrade tools as findings. The functions are pure. They skip parts of a report that they do not know."""
