"""``python -m replank``."""

from replank import main

main()
