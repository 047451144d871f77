"""The recipes that ship with Replank, as plain data. To support another migration path, add a recipe to ``RECIPES``.

Nobody has run these recipes on Alibaba Cloud, so no line has the certainty ``executed``. A recipe whose start, progress or result
has the certainty ``assumed`` is off until the setting REPLANK_GUEST_PROVEN declares the recipe proven.
"""

from __future__ import annotations

from typing import Any

from shared.domain.recipes.anolis import ANOLIS_RECIPES
from shared.domain.recipes.line import (
    LEAPP_BUSY,
    LEAPP_BUSY_SOURCE,
    LEAPP_ENDED,
    LEAPP_FORGET,
    LEAPP_LOG,
    LEAPP_REPORT,
    recipe_line,
)
from shared.domain.recipes.windows import WINDOWS_RECIPES

_LEAPP = "oamg/leapp and oamg/leapp-repository, source"
_C2R = "oamg/convert2rhel, source of 2.x"
_ALIBABA = "Alibaba Cloud ECS, Upgrade CentOS to RHEL by convert2rhel"


def _leapp_recipe(source: str, destination: str) -> dict[str, Any]:
    red_hat = f"Red Hat, Upgrading from RHEL {source} to RHEL {destination}"
    return {
        "key": f"rhel-{source}-to-rhel-{destination}",
        "tool": "leapp",
        "source": f"rhel-{source}",
        "destination": f"rhel-{destination}",
        "architectures": ["x86_64"],
        "repositories": [],
        "packages": recipe_line(
            "dnf -y install leapp-upgrade leapp-rhui-alibaba", f"{red_hat}; leapp-repository: rhui, package leapp-rhui-alibaba"
        ),
        "answers": [],
        "precheck": recipe_line("leapp preupgrade --no-rhsm --report-schema 1.2.0", f"{red_hat}; {_LEAPP}: commands"),
        "precheck_report": recipe_line(LEAPP_REPORT, f"{_LEAPP}: report-schema-v120.json"),
        "start": recipe_line("leapp upgrade --no-rhsm --report-schema 1.2.0", f"{red_hat}; {_LEAPP}: commands"),
        "progress": recipe_line(LEAPP_LOG, f"{_LEAPP}: Replank's authors chose the percentages", "assumed"),
        "milestones": [
            {"text": "FactsCollection", "percent": 10},
            {"text": "TargetTransactionCheck", "percent": 20},
            {"text": "Download", "percent": 30},
            {"text": "InterimPreparation", "percent": 50},
            {"text": "A reboot is required to continue", "percent": 60},
            {"text": "FirstBoot", "percent": 90},
        ],
        "result": recipe_line(
            LEAPP_ENDED,
            f"{red_hat}: verifying that the upgrade has finished",
        ),
        "result_report": recipe_line(LEAPP_REPORT, f"{_LEAPP}: report-schema-v120.json"),
        "busy": recipe_line(
            LEAPP_BUSY,
            f"{red_hat}: verifying that the upgrade has finished; {LEAPP_BUSY_SOURCE}",
        ),
        "clean": recipe_line(
            f"{LEAPP_FORGET}dnf -y remove leapp-upgrade leapp-rhui-alibaba leapp leapp-deps python3-leapp",
            f"{red_hat}: post-upgrade tasks; leapp-repository: removeresumeservice",
        ),
        "restarts": 2,
        "irreversible_from": "restart",
        "usual_minutes": 60,
        "note": "The upgrade runs between two restarts, in a system without Cloud Assistant. The upgrade reports nothing "
        "until it ends.",
    }


def _convert2rhel_recipe(release: str, extra: str, certainty: str) -> dict[str, Any]:
    source = _ALIBABA if release == "7" else f"{_C2R}; for release 8 Alibaba Cloud publishes no text"
    first = f"rhui-rhel-{extra}".partition(" ")[0]
    repositories = f"--enablerepo rhui-rhel-{extra}"
    repo = f"https://cdn-public.redhat.com/content/public/repofiles/convert2rhel-for-rhel-{release}-x86_64.repo"
    return {
        "key": f"centos-{release}-to-rhel-{release}",
        "tool": "convert2rhel",
        "source": f"centos-{release}",
        "destination": f"rhel-{release}",
        "architectures": ["x86_64"],
        "repositories": [
            recipe_line(
                'curl -fsS -o "$R/etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release" https://www.redhat.com/security/data/fd431d51.txt',
                source,
            ),
            recipe_line(f'curl -fsS -o "$R/etc/yum.repos.d/convert2rhel.repo" {repo}', source),
        ],
        "packages": recipe_line("yum -y install convert2rhel", source),
        "answers": [],
        "precheck": recipe_line(f"convert2rhel analyze -y --no-rhsm {repositories}", f"{_C2R}: toolopts", certainty),
        "precheck_report": recipe_line(
            "/var/log/convert2rhel/convert2rhel-pre-conversion.json", f"{_C2R}: schemas/assessment-schema-1.2.json"
        ),
        "start": recipe_line(f"convert2rhel convert -y --no-rhsm {repositories}", source, certainty),
        "progress": recipe_line(
            "/var/log/convert2rhel/convert2rhel.log",
            f"{_C2R}: the texts are its tasks, Replank's authors chose the percentages",
            "assumed",
        ),
        "milestones": [
            {"text": "Prepare: ", "percent": 5},
            {"text": "Convert: ", "percent": 20},
            {"text": "The tool allows rollback of any action until this point", "percent": 30},
            {"text": "Convert: Replace system packages", "percent": 40},
            {"text": "Final: ", "percent": 80},
        ],
        "result": recipe_line(
            'grep -q "Red Hat Enterprise Linux" "$R/etc/redhat-release" && grep -q \'"success": true\' "$R/etc/migration-results"',
            f"{_C2R}: breadcrumbs, /etc/migration-results",
        ),
        "result_report": recipe_line(
            "/var/log/convert2rhel/convert2rhel-post-conversion.json", f"{_C2R}: schemas/assessment-schema-1.2.json"
        ),
        "busy": recipe_line("pgrep -x convert2rhel >/dev/null", f"{_C2R}: the application lock", "assumed"),
        "clean": recipe_line(
            'yum -y remove convert2rhel; rm -f "$R/etc/yum.repos.d/convert2rhel.repo"', f"{_C2R}: packaging", "assumed"
        ),
        "restarts": 1,
        "irreversible_from": "text",
        "irreversible_text": "The tool allows rollback of any action until this point",
        "usual_minutes": 45,
        "licence": f"a Red Hat Enterprise Linux {release} licence for the instance, in the ECS console",
        "licence_check": recipe_line(
            f"yum -q '--disablerepo=*' --enablerepo={first} makecache",
            f"{_ALIBABA}: the licence opens the RHUI repositories; that they refuse without it is assumed",
            "assumed",
        ),
    }


RECIPES: tuple[dict[str, Any], ...] = (
    _leapp_recipe("8", "9"),
    _leapp_recipe("9", "10"),
    _convert2rhel_recipe(
        "7",
        "7-server-rhui-rpms --enablerepo rhui-rhel-7-server-rhui-extras-rpms --enablerepo rhui-rhel-7-server-rhui-optional-rpms",
        "foreign",
    ),
    _convert2rhel_recipe("8", "8-for-x86_64-baseos-rhui-rpms --enablerepo rhui-rhel-8-for-x86_64-appstream-rhui-rpms", "assumed"),
    *ANOLIS_RECIPES,
    *WINDOWS_RECIPES,
)
"""The recipes in the form of an operator's file. :mod:`shared.domain.recipes.recipe` defines the schema."""
