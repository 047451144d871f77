"""The interfaces through which stages reach the outside.

Each interface is a Protocol; the adapter with the same file name implements it.
"""
