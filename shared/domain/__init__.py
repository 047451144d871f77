"""The pipeline's decisions as pure functions: no I/O, no clock, no random numbers. The functions take all facts as arguments."""
