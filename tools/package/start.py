"""Starts one function from the files of its package, by path in an isolated interpreter. It is never imported.

Argument: the folder of the package. The last line of standard output is a JSON object: each module that the start imports from the
package, after the entrypoint itself, with the name of its source.
"""

import json
import os
import sys

folder = sys.argv[1]
sys.path[:] = [
    folder,
    *(path for path in sys.path if "site-packages" not in path and path != os.path.dirname(os.path.abspath(__file__))),
]
os.environ.update(
    REPLANK_REGION="cn-hangzhou",
    FC_ACCOUNT_ID="1",
    ALIBABA_CLOUD_ACCESS_KEY_ID="key",
    ALIBABA_CLOUD_ACCESS_KEY_SECRET="secret",
)
import index  # type: ignore[import-not-found]  # noqa: E402 - found in the package's folder

before = set(sys.modules)
index.initialize(None)
found = {}
for name, module in sys.modules.items():
    file = getattr(module, "__dict__", {}).get("__file__") or ""
    is_alias = getattr(module, "__name__", name) != name  # requests.packages.idna is idna
    if name not in before and not is_alias and file.startswith(folder + os.sep) and file.endswith(".py"):
        found[name] = os.path.relpath(file, folder)
print("\n" + json.dumps(found))
