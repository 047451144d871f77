"""Measures one start. Run it by path in an isolated interpreter; it is never imported.

Arguments: the folder with the packages, then ``function`` or ``plain`` and the modules to import. It prints a JSON object: CPU and
wall time in ms of import and initializer, the modules that they imported, and the memory at the end (MiB). Two lines on the error
stream mark the begin and the end of what it measures (bench/imports.py needs them).
"""

import os
import sys

folder, kind, names = sys.argv[1], sys.argv[2], sys.argv[3:]
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
import time  # noqa: E402

print("start begins", file=sys.stderr, flush=True)
before, cpu, wall = set(sys.modules), time.process_time(), time.perf_counter()
if kind == "function":
    import index  # type: ignore[import-not-found]

    index.initialize(None)
else:
    for name in names:
        __import__(name)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
modules = len(set(sys.modules) - before)
print("start ends", file=sys.stderr, flush=True)
import json  # noqa: E402

with open("/proc/self/status", encoding="ascii") as status:  # getrusage also counts what the parent used before the fork
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
print(json.dumps({"cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3, "modules": modules, "memory_mib": memory}))
