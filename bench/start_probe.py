"""One start, measured; run by path in an isolated interpreter, never imported.

Arguments: the folder with the packages, then ``function`` or ``plain`` and the modules to import. Prints a JSON object: CPU and
wall time in ms of import and initializer, modules imported by them, memory at the end (MiB).
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

before, cpu, wall = set(sys.modules), time.process_time(), time.perf_counter()
if kind == "function":
    import index  # type: ignore[import-not-found]

    index.initialize(None)
else:
    for name in names:
        __import__(name)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
modules = len(set(sys.modules) - before)
deferred = [
    name
    for name in ("aiohttp", "cryptography", "numpy")
    if f"{name}.client" in sys.modules or f"{name}.hazmat.bindings" in sys.modules
]

import json  # noqa: E402
import resource  # noqa: E402

memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"cpu_ms": cpu * 1e3, "wall_ms": wall * 1e3, "modules": modules, "memory_mib": memory, "loaded": deferred}))
