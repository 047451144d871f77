"""The adapters. Each adapter implements a port with the real SDKs.

The module ``sdk`` imports an SDK only when it makes that SDK's first client. Loading an adapter imports no SDK.
"""
