"""One file per figure. ``python -m bench.<name>`` prints a table and writes results/<name>.json. ``make bench`` runs all of
them.
"""
