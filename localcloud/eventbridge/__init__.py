"""EventBridge on loopback: buses, rules, event patterns, transforms, delivery with retries and dead letters."""

from localcloud.eventbridge.api import EventBridge

__all__ = ["EventBridge"]
