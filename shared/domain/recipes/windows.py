"""The recipes for Windows Server, with Windows Setup from a disk with installation media. The recipes are plain data, as in
:mod:`shared.domain.recipes.ours`.

The lines are PowerShell. ``$M`` is the folder of Windows Setup on the media disk, ``$N`` the number of the image, and ``$K`` the
product key. ``Find-Setup`` and ``Code`` are functions of tool_runner.ps1. No PowerShell was run here, so no line is ``executed``.
The destinations are those of the support matrix, so the edition becomes Datacenter. Desktop stays desktop, and core stays core.
"""

from __future__ import annotations

from typing import Any

from shared.domain.recipes.line import recipe_line

_OPTIONS = "Microsoft, Windows Setup command-line options"
_GOOGLE = "GoogleCloudPlatform/compute-image-tools, windows_install_media: upgrade.ps1"
_SETUPDIAG = "Microsoft, SetupDiag"
_KEYS = "Microsoft, KMS client activation and product keys: the generic key of Datacenter"
_COMMON = "/dynamicupdate disable /telemetry disable /imageindex $N /pkey $K /compat IgnoreWarning"
_PANTHER = r"C:\$WINDOWS.~BT\Sources\Panther"
_DIAGNOSIS = r"C:\Windows\Logs\SetupDiag\SetupDiagResults.xml"
_DESTINATIONS = {
    "2016": ("14393", "CB7KF-BWN84-R7R2Y-793K2-8XDDG"),
    "2019": ("17763", "WMDGN-G9PQG-XVVXX-R3X43-63DFG"),
    "2022": ("20348", "WX4NM-KYWYW-QJJR4-XV3QB-6VM33"),
}
"""By destination: the build of the release, and the generic product key for volume licences that Microsoft publishes."""


def _windows_recipe(source: str, version: str) -> dict[str, Any]:
    build, key = _DESTINATIONS[version]
    return {
        "key": f"windows-{source}-to-windows-{version}-datacenter",
        "tool": "setup",
        "source": f"windows-{source}",
        "destination": f"windows-{version}-datacenter",
        "architectures": ["x86_64"],
        "repositories": [],
        "packages": recipe_line(f"Find-Setup ServerDatacenter {build}", f"{_GOOGLE}: image by InstallationType", "assumed"),
        "answers": [recipe_line(f"$script:K = '{key}'", _KEYS)],
        "precheck": recipe_line(
            f'Code "$M\\setup.exe" "/auto upgrade /quiet /compat ScanOnly {_COMMON}"', f"{_OPTIONS}: /Compat ScanOnly"
        ),
        "precheck_report": recipe_line(_DIAGNOSIS, f"{_SETUPDIAG}: results"),
        "start": recipe_line(
            f'$c = Code "$M\\setup.exe" "/auto upgrade /quiet /noreboot {_COMMON}"; if ($c -eq 3) {{ 0 }} else {{ $c }}',
            f"{_GOOGLE}; {_OPTIONS}: /NoReboot, exit code 3; the two together are assumed",
            "assumed",
        ),
        "progress": recipe_line(rf"{_PANTHER}\setuperr.log", f"{_SETUPDIAG}: log files", "assumed"),
        "milestones": [],
        "result": recipe_line(
            f"(Build) -eq '{build}' -and -not (Test-Busy)", f"{_GOOGLE}: the version after the upgrade", "assumed"
        ),
        "result_report": recipe_line(_DIAGNOSIS, f"{_SETUPDIAG}: results"),
        "busy": recipe_line(
            "(Get-Process setuphost -ErrorAction SilentlyContinue) -or (Get-Process setupprep -ErrorAction SilentlyContinue) -or "
            "(Get-ItemProperty HKLM:\\SYSTEM\\Setup).SystemSetupInProgress -eq 1",
            "Windows Setup's processes, and its state in the registry",
            "assumed",
        ),
        "clean": recipe_line(
            "cmd.exe /c 'rd /s /q C:\\$WINDOWS.~BT C:\\$Windows.~WS 2>nul'", f"{_GOOGLE}: C:\\$WINDOWS.~BT", "assumed"
        ),
        "restarts": 3,
        "irreversible_from": "restart",
        "usual_minutes": 90,
        "note": "Windows Setup may put the old system back by itself. C:\\Windows.old stays after a success.",
    }


WINDOWS_RECIPES: tuple[dict[str, Any], ...] = (
    *(_windows_recipe(source, to) for source in ("2012r2-standard", "2012r2-datacenter") for to in ("2016", "2019")),
    *(_windows_recipe(source, to) for source in ("2016-standard", "2016-datacenter") for to in ("2019", "2022")),
    _windows_recipe("2019-datacenter", "2022"),
)
"""The recipes to later releases of Windows Server."""
