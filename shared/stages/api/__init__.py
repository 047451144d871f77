"""What the HTTP API offers, as operations on the ports: every act of an operator and every question about the fleet.

None of them waits for the cloud: they read and write rows and publish events, and the other stages do the work.
"""
