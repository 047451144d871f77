"""Pure decisions: no I/O, no clock, no chance. Functions take what they need as arguments. They return what they decide."""
