"""The operations of the HTTP API: every act of an operator, and every question about batches and migrations.

No operation waits for the cloud. An operation reads and writes rows and publishes events, and the stages do the work.
"""
