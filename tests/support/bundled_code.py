"""Shows the code of the modules that a start imports. Run it by path with the target's interpreter; it is never imported.

Arguments: the folder of an unpacked package, and the value of REPLANK_BUNDLE. It prints a JSON object: the checksum of each class
and of each method by name, and under "from the bundle" the modules that the bundle gave. Under "patterns" it has each regular
expression that was compiled, with the hash of its code. Hashes can be compared if PYTHONHASHSEED is 0.
"""

import hashlib
import json
import os
import re
import sys
from types import CodeType, FunctionType

folder, switch = sys.argv[1:]
sys.path[:] = [
    folder,
    *(path for path in sys.path if "site-packages" not in path and path != os.path.dirname(os.path.abspath(__file__))),
]
os.environ.update(
    REPLANK_BUNDLE=switch,
    REPLANK_REGION="cn-hangzhou",
    FC_ACCOUNT_ID="1",
    ALIBABA_CLOUD_ACCESS_KEY_ID="key",
    ALIBABA_CLOUD_ACCESS_KEY_SECRET="secret",
)
import index  # type: ignore[import-not-found]  # noqa: E402 - found in the package's folder

index.initialize(None)
patterns = {
    repr(key): (hash(each), each.flags, each.groups, list(each.groupindex.items())) for key, each in vars(re)["_cache"].items()
}


def shown(code: CodeType) -> tuple[object, ...]:
    """What a piece of code does, without where it lies."""
    constants = [shown(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_firstlineno


def checksums(owner: str, value: object) -> None:
    """Add the functions and classes of a module or class."""
    if isinstance(value, FunctionType):
        defaults = (repr(value.__defaults__), repr(value.__kwdefaults__))
        found[owner] = hashlib.sha256(repr((shown(value.__code__), defaults)).encode()).hexdigest()
    elif isinstance(value, type):
        found[owner] = [base.__qualname__ for base in value.__mro__]
        for name, each in vars(value).items():
            checksums(f"{owner}.{name}", each)


found: dict[str, object] = {"from the bundle": [], "patterns": patterns}
for name, module in sorted(sys.modules.items()):
    if not getattr(module, "__file__", None) or not str(module.__file__).startswith(folder) or module.__name__ != name:
        continue
    if str(getattr(module, "__cached__", "")).endswith("modules.bundle"):
        found["from the bundle"].append(name)  # type: ignore[attr-defined]
    if name.startswith(("alibabacloud", "tablestore.", "shared.runtime")):
        for each in dir(module):
            value = getattr(module, each)
            if getattr(value, "__module__", "") == name:
                checksums(f"{name}.{each}", value)
print(json.dumps(found))
