"""The operations of the HTTP API: every act of an operator, and every query about batches and migrations.

No operation waits for the cloud. An operation only reads and writes rows, and publishes events. The stages do the work that an
operation requests.
"""
