"""What the codes of ECS, SMC and EventBridge become here, from the adapters' table."""

from __future__ import annotations

from shared.adapters import sdk_errors
from tools.pages.common import table


def render() -> str:
    """The table. A code that is not in it needs a person if the service refused, and is tried again if it failed."""
    rows = [(f"`{code}`", f"refused as `{ours}`", remedy) for code, (ours, remedy) in sdk_errors.REFUSED.items()]
    rows += [(f"`{code}`", "a person is needed", remedy) for code, remedy in sdk_errors.PERMANENT.items()]
    rows += [(f"`{code}`", "tried again by itself", remedy) for code, remedy in sdk_errors.TRANSIENT.items()]
    return table(("the cloud's code", "here", "what to do"), sorted(rows))
