"""Checks of services and listening ports. Users complain most about services that no longer start at boot."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import ListenerFacts, ServiceFacts
from shared.domain.validation.view import (
    Comparison,
    expected_finding,
    failure_finding,
    joined_names,
    not_compared_finding,
    warning_finding,
)

GOES_WITH_LINUX = re.compile(
    r"^(network|ntpd|ntpdate|rhel-.*|microcode|cpupower|abrt.*|kdump|tuned|irqbalance|lvm2-.*|dmraid-.*|mdmonitor|rngd|sysstat"
    r"|NetworkManager.*|dbus(-broker)?|dbus-org.*|systemd-.*|getty@.*|autovt@|import-state|loadmodules|nis-domainname|initial-setup.*"
    r"|selinux-autorelabel.*|timedatex|polkit|plymouth.*|gssproxy|libstoragemgmt|mcelog|cloud-.*|user@.*|user-runtime-dir@.*|run-.*)$"
)
"""Linux services that another distribution replaces, renames or starts differently, as practice shows."""
GOES_WITH_WINDOWS = re.compile(
    r"^(sppsvc|TrustedInstaller|wuauserv|MapsBroker|tiledatamodelsvc|CDPSvc|CDPUserSvc.*|WpnService|WpnUserService.*|BITS|gpsvc|ShellHWDetection"
    r"|RemoteRegistry|UALSVC|IKEEXT|iphlpsvc|DPS|WSService|DiagTrack|TrkWks|SysMain|UmRdpService|clr_optimization.*|MSDTC|Browser|lmhosts|AeLookupSvc)$",
    re.IGNORECASE,
)
"""Windows services that later versions delay, trigger or replace, as practice shows."""
EPHEMERAL = range(32768, 65536)
"""Ports that the system chooses itself, and that differ after every restart."""
NOISY_UDP = {68, 323, 546, 5353}
"""Ports of DHCP clients, chrony's command port and multicast DNS."""


def check_services(view: Comparison) -> Iterator[Finding]:
    """Check that enabled services are still enabled, and that enabled services that ran before still run."""
    if view.before.services is None or view.after.services is None:
        yield not_compared_finding("ServicesUnknown", "services")
        return
    after = {s.name: s for s in view.after.services}
    none = ServiceFacts("", False, False)
    pairs = [(s, after.get(s.name, none)) for s in view.before.services]
    disabled = [b.name for b, a in pairs if b.enabled and not a.enabled]
    yield from _lost_service_findings(
        view, disabled, "ServiceDisabled", "A service no longer starts at boot", "systemctl enable --now NAME"
    )
    stopped = [b.name for b, a in pairs if b.enabled and b.active and a.enabled and not a.active]
    yield from _lost_service_findings(
        view, stopped, "ServiceStopped", "A service that ran before does not run now", "systemctl status NAME; journalctl -u NAME"
    )
    pattern = GOES_WITH_WINDOWS if view.is_windows else GOES_WITH_LINUX
    by_hand = [b.name for b, a in pairs if b.active and not b.enabled and not a.active and not pattern.match(b.name)]
    if by_hand:
        yield warning_finding(
            "UnmanagedServiceStopped",
            "A service that somebody had started by hand does not run now",
            joined_names(by_hand),
            "Start the service. Enable it if you need it.",
        )
    started = after.keys() - {s.name for s in view.before.services}
    if started:
        yield expected_finding("ServiceAdded", "Services are new", joined_names(started))


def _lost_service_findings(view: Comparison, lost: list[str], code: str, title: str, remedy: str) -> Iterator[Finding]:
    pattern = GOES_WITH_WINDOWS if view.is_windows else GOES_WITH_LINUX
    replaced = [] if view.is_after_rollback else [name for name in lost if pattern.match(name)]
    missing = [name for name in lost if name not in replaced]
    if missing:
        yield failure_finding(code, title, joined_names(missing), remedy)
    if replaced:
        yield expected_finding(f"System{code}", f"{title} (part of the system)", joined_names(replaced))


def _protocol_and_port(listener: ListenerFacts) -> tuple[str, int]:
    return listener.protocol.rstrip("6"), listener.port


def _is_reachable(listener: ListenerFacts) -> bool:
    return not listener.address.strip("[]").startswith(("127.", "::1")) and listener.address != "localhost"


def check_ports(view: Comparison) -> Iterator[Finding]:
    """Check that TCP ports are still open. Closed UDP ports and newly opened ports give warnings."""
    if view.before.listening is None or view.after.listening is None:
        yield not_compared_finding("PortsUnknown", "listening ports")
        return
    before = {_protocol_and_port(item) for item in view.before.listening if item.port not in EPHEMERAL}
    after = {_protocol_and_port(item) for item in view.after.listening}
    lost = before - after
    tcp = [f"{protocol} {port}" for protocol, port in lost if protocol == "tcp"]
    if tcp:
        yield failure_finding(
            "PortClosed",
            "No program listens on a port any more",
            joined_names(tcp),
            "ss -ltnp; start the service that owned the port.",
        )
    udp = [f"{protocol} {port}" for protocol, port in lost if protocol != "tcp" and port not in NOISY_UDP]
    if udp:
        yield warning_finding(
            "UdpPortClosed",
            "No program listens on a UDP port any more",
            joined_names(udp),
            "ss -lunp; start the service that owned the port.",
        )
    exposed = {_protocol_and_port(i) for i in view.after.listening if _is_reachable(i)} - {
        _protocol_and_port(i) for i in view.before.listening if _is_reachable(i)
    }
    opened = [f"{protocol} {port}" for protocol, port in exposed if port not in EPHEMERAL and port not in NOISY_UDP]
    if opened:
        yield warning_finding(
            "PortOpened",
            "A port is now open to the network",
            joined_names(opened),
            "Close the port unless you need it.",
            "An open port can be attacked.",
        )
