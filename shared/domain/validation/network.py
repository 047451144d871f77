"""Checks of the network inside the guest: interface names and addresses, default route, name servers."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import InterfaceFacts
from shared.domain.validation.view import (
    Comparison,
    expected_finding,
    failure_finding,
    joined_names,
    not_compared_finding,
    warning_finding,
)

VIRTUAL = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "tun", "ifb", "sit")
"""Prefixes of the names of virtual interfaces, which programs create and remove."""


def check_interfaces(view: Comparison) -> Iterator[Finding]:
    """Check that interfaces have the same names and addresses. On Windows, only addresses are compared, because the network driver
    chooses the interface's name.

    The loss of an address that ECS shows for the instance is a failure. The loss of any other address is a warning.
    """
    if view.before.interfaces is None or view.after.interfaces is None:
        yield not_compared_finding("InterfacesUnknown", "network interfaces")
        return
    before, after = _addresses_by_interface(view.before.interfaces), _addresses_by_interface(view.after.interfaces)
    every = set().union(*before.values())
    own = (
        every & set(view.instance_before.private_ips) or every
    )  # ECS's addresses are not known, so every address may belong to the instance
    lost = every - set().union(*after.values())
    if lost & own:
        yield failure_finding(
            "AddressLost",
            "An address is missing",
            joined_names(lost & own),
            "Compare /etc/sysconfig/network-scripts with the snapshot's.",
        )
    if lost - own:
        remedy = (
            "Find the program that sets the address, such as a container runtime or a program that moves an address "
            "between machines."
        )
        yield warning_finding("OtherAddressLost", "An address that ECS does not know is missing", joined_names(lost - own), remedy)
    renamed = [name for name in before if name not in after and before[name] & own]
    if renamed and not view.is_windows:
        now = joined_names(after) or "none"
        yield failure_finding(
            "InterfaceRenamed",
            "A network interface has another name or is missing",
            f"{joined_names(renamed)} before; now {now}",
            "Pin the old name, or adapt the configuration.",
        )


def _addresses_by_interface(interfaces: tuple[InterfaceFacts, ...]) -> dict[str, set[str]]:
    return {i.name: {a.split("/")[0] for a in i.addresses} for i in interfaces if i.addresses and not i.name.startswith(VIRTUAL)}


def check_default_route(view: Comparison) -> Iterator[Finding]:
    """Check that the default route leads to the same gateway."""
    before, after = view.before.default_route, view.after.default_route
    if before is None or after is None:
        yield not_compared_finding("RouteUnknown", "the default route")
    elif before and not after:
        yield failure_finding("RouteLost", "The default route is missing", f"{before} before, none now", f"ip route add {before}")
    elif before != after:
        yield warning_finding(
            "RouteChanged",
            "The default route changed",
            f"{before or 'none'} before, {after} now",
            "Make sure that the gateway is right.",
        )


def check_name_servers(view: Comparison) -> Iterator[Finding]:
    """Check that the guest still has name servers, and report changes."""
    before, after = view.before.dns, view.after.dns
    if before is None or after is None:
        yield not_compared_finding("DnsUnknown", "name servers")
    elif before and not after:
        yield failure_finding(
            "DnsLost", "No name servers are configured", f"{joined_names(before)} before, none now", "Restore /etc/resolv.conf."
        )
    elif set(before) != set(after):
        yield warning_finding(
            "DnsChanged",
            "The name servers changed",
            f"{joined_names(before) or 'none'} before, {joined_names(after)} now",
            "Make sure that names resolve.",
        )


def check_firewall(view: Comparison) -> Iterator[Finding]:
    """Check that a firewall runs now if a firewall ran before."""
    before, after = view.before.firewall, view.after.firewall
    if before and after is not None and before != after:
        if after:
            yield expected_finding("FirewallReplaced", "Another firewall is running", f"{before} before, {after} now")
        else:
            yield failure_finding(
                "FirewallOff", "The firewall is off", f"{before} before, none now", f"systemctl enable --now {before.split()[0]}"
            )
