"""What the handlers of every function call.

This module first prepares the imports, and only then imports the rest of Replank. The modules of the package come from one file.
Modules that are not needed have stand-ins.
"""

from __future__ import annotations

import os
from typing import Any

from shared.runtime import bundle, lazy


def initialize(function: str, context: object) -> None:
    """Start one instance of a function. If this raises an error, the platform starts another instance."""
    bundle.use_bundle(os.environ)
    with lazy.deferred_imports(os.environ):
        from shared.runtime import invocation

        invocation.initialize(function, context)


def handle_event(function: str, event: bytes, context: object) -> Any:
    """Process one invocation, as ``shared.runtime.invocation.handle_event`` says."""
    from shared.runtime import invocation

    if not invocation.is_initialized(function):  # the platform did not call the initializer
        initialize(function, context)
    return invocation.handle_event(function, event, context)
