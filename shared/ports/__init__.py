"""The interfaces through which stages reach the outside. Each is a Protocol; the adapter with the same file name implements it."""
