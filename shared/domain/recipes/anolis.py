"""The recipes from CentOS to Anolis OS, with the tools of OpenAnolis. The recipes are plain data, as in
:mod:`shared.domain.recipes.ours`.

The tools install packages from Alibaba Cloud's mirror, which every VPC can reach. No public document shows what the tools print
while they run.
"""

from __future__ import annotations

from typing import Any

from shared.domain.recipes.line import LEAPP_BUSY, LEAPP_ENDED, LEAPP_FORGET, LEAPP_LOG, LEAPP_REPORT, recipe_line

_WHITEPAPER = "OpenAnolis whitepaper, A Smooth Migration Solution for CentOS: centos2anolis.py"
_INSTALLER = "OpenAnolis installer of the migration tools, as published: repository, packages, state files"
_COMMUNITY = "OpenAnolis, CentOS end of life: steps from CentOS 7 to Anolis OS 8"
_SYSOM = "SysOM, sysom_migration: script that runs leapp"
_MIRROR = "http://mirrors.cloud.aliyuncs.com"
_REPO = '"$R/etc/yum.repos.d/anolis-migration.repo"'
_STATE, _LEAPP_STATE = "/var/log/centostoanolis.json", "/var/tmp/state.json"
_PERCENT = [{"text": f'"Progress": {percent}', "percent": percent} for percent in range(10, 100, 10)]


def _installation_command(name: str) -> str:
    """The command that installs a missing package, and records in the guest that the recipe installed the package."""
    return f'rpm -q {name} >/dev/null || {{ : >"$D/own.{name}"; yum -y install {name}; }}'


def _removal_command(*names: str) -> str:
    """The command that removes the packages that the recipe itself has installed."""
    return f'for n in {" ".join(names)}; do [ ! -e "$D/own.$n" ] || yum -y remove "$n"; rm -f "$D/own.$n"; done'


def _repository_lines(state: str) -> list[dict[str, str]]:
    return [
        recipe_line(f'rm -f "$R{state}"', _INSTALLER),
        recipe_line(_installation_command("epel-release"), _INSTALLER),
        recipe_line(f"curl -fsS -o {_REPO} {_MIRROR}/anolis/migration/anolis-migration.repo", _INSTALLER),
        recipe_line(f"sed -i 's|https://mirrors.openanolis.cn|{_MIRROR}|' {_REPO}", _INSTALLER),
    ]


def _release_check_command(release: str) -> str:
    return f"""grep -q '^ID="*anolis' "$R/etc/os-release" && grep -q '^VERSION_ID="*{release}' "$R/etc/os-release\""""


def _centos2anolis_recipe(release: str) -> dict[str, Any]:
    return {
        "key": f"centos-{release}-to-anolis-{release}",
        "tool": "centos2anolis",
        "source": f"centos-{release}",
        "destination": f"anolis-{release}",
        "architectures": ["x86_64"],
        "repositories": _repository_lines(_STATE),
        "packages": recipe_line("yum -y install centos2anolis --enablerepo=migration", _INSTALLER),
        "answers": [],
        "precheck": recipe_line(
            "command -v centos2anolis.py", "no public document describes a check by the tool itself", "assumed"
        ),
        "precheck_report": recipe_line(_STATE, _INSTALLER),
        "start": recipe_line("centos2anolis.py", _WHITEPAPER),
        "progress": recipe_line(_STATE, f"{_INSTALLER}; it is assumed that the tool writes its progress there", "assumed"),
        "milestones": _PERCENT,
        "result": recipe_line(_release_check_command(release), f"{_WHITEPAPER}: verifying the version after the restart"),
        "result_report": recipe_line(_STATE, _INSTALLER),
        "busy": recipe_line("pgrep -f centos2anolis.py >/dev/null", "the tool is one Python program", "assumed"),
        "clean": recipe_line(
            f"yum -y remove centos2anolis; rm -f {_REPO}; {_removal_command('epel-release')}", f"{_INSTALLER}: packages", "assumed"
        ),
        "restarts": 1,
        "irreversible_from": "start",
        "usual_minutes": 45,
        "note": "The tool replaces the release packages, and installs every package again. The tool has no rollback.",
    }


_LEAPP_CENTOS_7: dict[str, Any] = {
    "key": "centos-7-to-anolis-8",
    "tool": "leapp",
    "source": "centos-7",
    "destination": "anolis-8",
    "architectures": ["x86_64"],
    "repositories": [
        *_repository_lines(_LEAPP_STATE),
        recipe_line(f"sed -i 's|$releasever|7|g' {_REPO}", _INSTALLER),
        recipe_line(_installation_command("python-pip"), _COMMUNITY),
        recipe_line(
            'for n in python-requests python-urllib3; do ! rpm -q $n >/dev/null || { : >"$D/gone.$n"; yum -y remove $n; }; done',
            _COMMUNITY,
        ),
    ],
    "packages": recipe_line("yum -y install leapp --enablerepo=migration", f"{_COMMUNITY}; {_INSTALLER}"),
    "answers": [recipe_line("leapp answer --section remove_pam_pkcs11_module_check.confirm=True", f"{_COMMUNITY}; {_SYSOM}")],
    "precheck": recipe_line("leapp preupgrade --no-rhsm", f"{_COMMUNITY}; {_SYSOM}"),
    "precheck_report": recipe_line(LEAPP_REPORT, f"{_SYSOM}: leapp-report.json"),
    "start": recipe_line("leapp upgrade --no-rhsm", f"{_COMMUNITY}; {_SYSOM}"),
    "progress": recipe_line(LEAPP_LOG, "like Red Hat's leapp; Replank's authors chose the percentages", "assumed"),
    "milestones": [
        {"text": "FactsCollection", "percent": 10},
        {"text": "Download", "percent": 30},
        {"text": "InterimPreparation", "percent": 50},
        {"text": "A reboot is required to continue", "percent": 60},
        {"text": "FirstBoot", "percent": 90},
    ],
    "result": recipe_line(
        f"{LEAPP_ENDED} && {_release_check_command('8')}",
        "like Red Hat's leapp, and with the version",
        "assumed",
    ),
    "result_report": recipe_line(LEAPP_REPORT, f"{_SYSOM}: leapp-report.json"),
    "busy": recipe_line(
        LEAPP_BUSY,
        "like Red Hat's leapp",
        "assumed",
    ),
    "clean": recipe_line(
        f"{LEAPP_FORGET}yum -y remove leapp leapp-deps python2-leapp; "
        f"rm -f {_REPO}; {_removal_command('epel-release', 'python-pip')}; "
        'for n in python-requests python-urllib3; do [ ! -e "$D/gone.$n" ] || yum -y install $n; rm -f "$D/gone.$n"; done',
        f"{_COMMUNITY}: what the steps install and remove",
        "assumed",
    ),
    "restarts": 2,
    "irreversible_from": "restart",
    "usual_minutes": 60,
    "note": "The preparation removes python-requests and packages that need it, such as cloud-init. The upgrade reports no "
    "progress.",
}

ANOLIS_RECIPES: tuple[dict[str, Any], ...] = (_centos2anolis_recipe("7"), _centos2anolis_recipe("8"), _LEAPP_CENTOS_7)
"""The recipes to Anolis OS."""
