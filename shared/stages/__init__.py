"""One use case per function: facts in through ports, a pure decision, one conditional step, then its effects and events."""
