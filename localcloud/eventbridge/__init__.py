"""EventBridge on loopback: buses, rules, event patterns, transforms, and delivery with retries and dead letters."""

from localcloud.eventbridge.api import EventBridge

__all__ = ["EventBridge"]
