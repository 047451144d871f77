"""The adapters. Each adapter implements a port with the real SDKs.

The module ``sdk`` imports an SDK when it makes its client, never when a module is loaded.
"""
