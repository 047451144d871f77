"""The errors that the codes of ECS, SMC and EventBridge are translated to, from the adapters' table."""

from __future__ import annotations

from shared.adapters import sdk_errors
from tools.pages.common import table


def render() -> str:
    """The table. An unlisted code needs a person if the service refused the call, and is retried if the service failed."""
    rows = [(f"`{code}`", f"refused as `{ours}`", remedy) for code, (ours, remedy) in sdk_errors.REFUSED.items()]
    rows += [(f"`{code}`", "a person is needed", remedy) for code, remedy in sdk_errors.PERMANENT.items()]
    rows += [(f"`{code}`", "tried again by itself", remedy) for code, remedy in sdk_errors.TRANSIENT.items()]
    return table(("the cloud's code", "here", "what to do"), sorted(rows))
