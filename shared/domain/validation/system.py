"""Checks of the operating system: its release, kernel, package manager and language."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.catalog import Catalog
from shared.domain.findings import Finding
from shared.domain.guest import GuestFacts
from shared.domain.hop import Hop
from shared.domain.prechecks.guest import reported_release
from shared.domain.validation.view import Comparison, failure_finding, not_compared_finding, warning_finding


def why_not_comparable_yet(after: GuestFacts, hop: Hop, os_type: str, catalog: Catalog) -> str:
    """Why the guest cannot be validated yet; empty if the guest is ready. SMC reports Finished some time before the guest is
    usable.
    """
    found = reported_release(after, os_type, catalog)
    if found is None or found.key != hop.destination:
        return f"the guest still reports {after.os_name or 'nothing'}"
    if after.linux and after.linux.package_manager_busy:
        return "the package manager is still busy"
    return ""


def check_release(view: Comparison) -> Iterator[Finding]:
    """Check that the guest runs the destination or, after a rollback, exactly the old release."""
    spoken = " ".join(part for part in (view.after.os_name, view.after.os_version) if part) or "nothing"
    if view.hop is None:
        if (view.before.os_id, view.before.os_version) != (view.after.os_id, view.after.os_version):
            before = f"{view.before.os_name} {view.before.os_version}"
            yield failure_finding(
                "ReleaseNotRestored",
                "The old release was not restored",
                f"{before} before, {spoken} now",
                "Reset the system disk from its snapshot.",
            )
        return
    found = reported_release(view.after, view.instance_after.os_type, view.catalog)
    if found is None or found.key != view.hop.destination:
        wanted = view.catalog.release_name(view.hop.destination)
        why = "The migration is not complete, even if the job reports success."
        yield failure_finding(
            "ReleaseNotReached",
            "The guest does not run the destination",
            f"{spoken}, not {wanted}",
            "Retry the job, or roll back.",
            why,
        )


def check_kernel(view: Comparison) -> Iterator[Finding]:
    """Check that the kernel has changed after a migration, and is the same after a rollback."""
    before, after = view.before.kernel, view.after.kernel
    if before is None or after is None:
        yield not_compared_finding("KernelUnknown", "the kernel")
    elif view.hop is not None and before == after and _is_conversion(view.hop):
        why = "Red Hat's kernel and CentOS's kernel may have the same version, so `uname -r` cannot tell which one runs."
        remedy = "Run `rpm -q --qf '%{VENDOR}' kernel-$(uname -r)`. If the vendor is not Red Hat, boot Red Hat's kernel."
        yield warning_finding(
            "KernelVersionKept", "The kernel has the same version as before", f"{after} before and now", remedy, why
        )
    elif view.hop is not None and before == after:
        why = "The guest booted the old kernel after the migration, with the modules and fixes of the old system."
        yield failure_finding(
            "OldKernelBooted",
            "The old kernel is running",
            f"{after} before and now",
            "Set the new kernel as default and restart.",
            why,
        )
    elif view.hop is None and before != after:
        yield failure_finding(
            "KernelNotRestored", "Another kernel is running", f"{before} before, {after} now", "Restart into the old kernel."
        )


def _is_conversion(hop: Hop) -> bool:
    """Whether the hop converts CentOS to the same release of Red Hat. A conversion keeps the versions of packages and changes their
    vendor."""
    return hop.source.startswith("centos-") and hop.destination == f"rhel-{hop.source.removeprefix('centos-')}"


def check_architecture(view: Comparison) -> Iterator[Finding]:
    """Check that the architecture and, on Windows, the language are the same."""
    if view.before.architecture and view.after.architecture and view.before.architecture != view.after.architecture:
        seen = f"{view.before.architecture} before, {view.after.architecture} now"
        yield failure_finding("ArchitectureChanged", "The architecture changed", seen, "Roll back.")
    before = view.before.windows.language if view.before.windows else None
    after = view.after.windows.language if view.after.windows else None
    if before and after and before != after:
        yield failure_finding(
            "LanguageChanged",
            "The language of Windows changed",
            f"{before} before, {after} now",
            "Roll back; cross-language migration is not supported.",
        )


def check_nothing_pending(view: Comparison) -> Iterator[Finding]:
    """Check that no installation is running, and that Windows is not waiting for a restart."""
    if view.after.linux and view.after.linux.package_manager_busy:
        yield failure_finding(
            "PackageManagerBusy",
            "The package manager is still running",
            "a process holds a pid file of yum or dnf",
            "Wait until the package manager has finished.",
        )
    if view.after.windows and view.after.windows.pending_reboot:
        yield warning_finding(
            "RebootPending",
            "Windows waits for a restart",
            "a restart is pending",
            "Restart the guest once in your maintenance window.",
        )
