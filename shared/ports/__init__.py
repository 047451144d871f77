"""What the stages need of the outside: one Protocol per role, answered by the adapter of the same file name."""
