"""What the stages need from outside: one Protocol per role, implemented by the adapter of the same file name."""
