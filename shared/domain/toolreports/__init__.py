"""Reads the reports of upgrade tools as findings. The functions are pure, and skip unknown parts of a report."""
