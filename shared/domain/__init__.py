"""Pure decisions: no I/O, no clock, no chance. Functions take all facts as arguments, and return their decisions."""
