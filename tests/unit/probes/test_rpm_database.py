"""The probe on real rpm databases, built with rpm's own tools; one has 3,000 packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.domain.guest import GuestFacts
from shared.probes import parse_probe_answer
from tests.support.roots import Root, make_root

pytestmark = pytest.mark.skipif(not (shutil.which("rpm") and shutil.which("rpmbuild")), reason="rpm's tools are not installed")

HEAD = "Name: {name}\nVersion: 1.0\nRelease: 1.el7\nSummary: s\nLicense: MIT\nVendor: {vendor}\n%description\nd\n%files\n"
PART = "%package -n {0}\nSummary: s\n%description -n {0}\nd\n%files -n {0}\n"


def database(root: Root, folder: Path, *specs: tuple[str, str, str, int]) -> Root:
    """Install packages (into the database only) below the tree; each spec is name, vendor, architecture and number of further
    packages.
    """
    root.write(".macros/.rpmmacros", "%_dbpath /var/lib/rpm\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(root.path / ".macros")}

    def run(*command: str) -> None:
        subprocess.run(command, env=environment, capture_output=True, check=True, timeout=60)

    run("rpm", "--root", str(root.path), "--initdb")
    for name, vendor, architecture, more in specs:
        spec = folder / f"{name}.spec"
        spec.write_text(HEAD.format(name=name, vendor=vendor) + "".join(PART.format(f"{name}-part-{n:04d}") for n in range(more)))
        top = folder / f"build-{name}"
        run(
            "rpmbuild", "-bb", "--target", architecture, "--define", f"_topdir {top}", "--define", "_build_id_links none", str(spec)
        )
        packages = sorted(map(str, top.rglob("*.rpm")))
        run("rpm", "--root", str(root.path), "-i", "--justdb", "--nodeps", "--ignorearch", "--nosignature", "--nodigest", *packages)
    root.missing("rpm")
    root.environment["HOME"] = environment["HOME"]
    return root


def ask(root: Root) -> tuple[GuestFacts, int]:
    run = root.probe()
    assert run.stderr == b""
    return parse_probe_answer("linux", run.stdout), len(run.stdout)


def test_reads_a_real_database(tmp_path: Path) -> None:
    root = database(
        make_root(tmp_path),
        tmp_path,
        ("nginx", "Acme Inc.", "x86_64", 0),
        ("glibc", "CentOS", "i686", 2),
        ("bash", "CentOS", "x86_64", 5),
    )
    guest, _ = ask(root)
    assert guest.packages is not None
    assert guest.packages.total == 1 + 3 + 6
    assert sorted(guest.packages.i686) == ["glibc-part-0000.i686", "glibc-part-0001.i686", "glibc.i686"]
    assert guest.packages.third_party == ("nginx",)
    assert {(p.name, p.version) for p in guest.packages.chosen} == {("nginx", "1.0-1.el7"), ("glibc", "1.0-1.el7")}


def test_three_thousand_packages_stay_within_the_limits(tmp_path: Path) -> None:
    root = database(
        make_root(tmp_path),
        tmp_path,
        ("bash", "CentOS", "x86_64", 2699),
        ("old", "CentOS", "i686", 149),
        ("acme", "Acme Inc.", "x86_64", 149),
    )
    guest, size = ask(root)
    assert size < 20 * 1024
    assert guest.packages is not None
    assert guest.packages.total == 3000
    assert (guest.packages.i686_total, guest.packages.third_party_total) == (150, 150)
    assert 0 < len(guest.packages.i686) <= 40
