"""Runs one handler once from an unpacked package, by path in an isolated interpreter. It is never imported.

Arguments: the package's folder. Standard input: {"event": ..., "environment": {...}}. The last line of standard output is a JSON
object: the handler's answer, the times of import and initializer (ms), and every module from outside the package and the standard
library (there must be none).
"""

import json
import os
import sys
import sysconfig
import time

folder = os.path.realpath(sys.argv[1])
task = json.load(sys.stdin)
os.environ.update(task["environment"])
standard = [os.path.realpath(path) for name, path in sysconfig.get_paths().items() if name in ("stdlib", "platstdlib")]
sys.path[:] = [
    folder,
    *(path for path in sys.path if "site-packages" not in path and path != os.path.dirname(os.path.abspath(__file__))),
]
os.chdir(folder)


class Context:
    """The fields of Function Compute's context that are used."""

    request_id = "trial"


started = time.perf_counter()
import index  # type: ignore[import-not-found]  # noqa: E402 - found in the package's folder

imported = time.perf_counter()
index.initialize(Context())
initialised = time.perf_counter()
answer = index.handler(json.dumps(task["event"]).encode(), Context())
foreign = []
for name, module in list(sys.modules.items()):
    place = os.path.realpath(getattr(module, "__file__", None) or "/")
    if (
        place != "/"
        and not place.startswith(folder + os.sep)
        and ("site-packages" in place or not place.startswith(tuple(standard)))
    ):
        foreign.append(f"{name} ({place})")
foreign = [each for each in foreign if not each.startswith("__main__ ")]
report = {
    "answer": answer,
    "import_ms": (imported - started) * 1e3,
    "initialize_ms": (initialised - imported) * 1e3,
    "foreign": foreign,
}
print("\n" + json.dumps(report, default=str))
