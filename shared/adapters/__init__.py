"""The adapters: each implements a port on the real SDKs.

An SDK is imported when its client is made (``sdk``), never when a module is loaded.
"""
