"""All regions, the regions in which Windows can be migrated, and the minimum sizes that SMC requires of an instance."""

from __future__ import annotations

from shared.domain.catalog.cited import LIMITS, MATRIX_WINDOWS
from shared.domain.catalog.model import Minimum, Source

REGIONS = {
    "cn-hangzhou": "China (Hangzhou)",
    "cn-shanghai": "China (Shanghai)",
    "cn-nanjing": "China (Nanjing - Local Region)",
    "cn-fuzhou": "China (Fuzhou - Local Region)",
    "cn-wuhan-lr": "China (Wuhan - Local Region)",
    "cn-qingdao": "China (Qingdao)",
    "cn-beijing": "China (Beijing)",
    "cn-zhangjiakou": "China (Zhangjiakou)",
    "cn-huhehaote": "China (Hohhot)",
    "cn-wulanchabu": "China (Ulanqab)",
    "cn-shenzhen": "China (Shenzhen)",
    "cn-heyuan": "China (Heyuan)",
    "cn-guangzhou": "China (Guangzhou)",
    "cn-chengdu": "China (Chengdu)",
    "cn-hongkong": "China (Hong Kong)",
    "ap-northeast-1": "Japan (Tokyo)",
    "ap-northeast-2": "South Korea (Seoul)",
    "ap-southeast-1": "Singapore",
    "ap-southeast-3": "Malaysia (Kuala Lumpur)",
    "ap-southeast-5": "Indonesia (Jakarta)",
    "ap-southeast-6": "Philippines (Manila)",
    "ap-southeast-7": "Thailand (Bangkok)",
    "us-east-1": "US (Virginia)",
    "us-west-1": "US (Silicon Valley)",
    "eu-west-1": "UK (London)",
    "eu-central-1": "Germany (Frankfurt)",
    "me-east-1": "UAE (Dubai)",
    "me-central-1": "SAU (Riyadh - Partner Region)",
}
"""For each region id, the region's name (ECS documentation, "Regions and zones"). The setting REPLANK_MORE_REGIONS adds regions
that opened later.
"""
_NO_WINDOWS = frozenset({"cn-nanjing", "cn-fuzhou", "me-east-1"})
"""The regions that are missing from the support matrix for Windows."""

WINDOWS_REGIONS: dict[str, Source] = {
    key: Source(f"{MATRIX_WINDOWS.document}: {name}", MATRIX_WINDOWS.on, MATRIX_WINDOWS.link)
    for key, name in REGIONS.items()
    if key not in _NO_WINDOWS
}
"""For each region in which Windows can be migrated, the source document. The documents do not limit the regions for Linux."""

MINIMA: dict[str, Minimum] = {
    row.key: row
    for row in (
        Minimum("linux.memory_available", 600, "MiB", LIMITS),
        Minimum("linux.disk./usr", 250, "MiB", LIMITS),
        Minimum("linux.disk./var", 4096, "MiB", LIMITS),
        Minimum("linux.disk./boot", 100, "MiB", LIMITS),
        Minimum("windows.cpu", 2, "vCPU", LIMITS),
        Minimum("windows.memory", 2048, "MiB", LIMITS),
        Minimum("windows.disk.C:", 20480, "MiB", LIMITS),
    )
}
"""For each key, such as ``windows.cpu``, the minimum that SMC requires of an instance."""
