"""The limits of EventBridge. Source: alibabacloud.com/help/en/eventbridge/product-overview/limits (read 2026-11)."""

MAX_BUSES = 50
"""Custom event buses per region."""
MAX_RULES = 50
"""Rules per event bus."""
MAX_TARGETS = 5
"""Targets per rule."""
MAX_EXPRESSIONS = 5
"""Conditions (objects) per field of a pattern."""
MAX_BOUND = 1.0e9
"""The largest absolute value of a number in a numeric condition."""
MAX_TRANSFORM_TEXT = 10_240
"""Characters of a template, and of the value of a parameter."""
MAX_EVENT_BYTES = 256 * 1024
"""Bytes of one event."""
MAX_BATCH = 16
"""Events in one PutEvents."""
MAX_BATCH_BYTES = 1024 * 1024
"""Bytes of all events in one PutEvents."""
MAX_ID, MAX_SOURCE, MAX_SUBJECT, MAX_TYPE = 128, 128, 512, 64
"""Characters of an event's attributes."""
NAME = r"(?!eventbridge-reserved-)[A-Za-z0-9][A-Za-z0-9-]{0,126}"
"""The name of a bus or rule."""
ID = r"[A-Za-z0-9][A-Za-z0-9-]*"
"""An event's id."""
