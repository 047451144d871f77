"""Pure decisions: no I/O, no clock, no chance. Everything they need is handed in, everything they decide is returned."""
