"""Checks of the network inside the guest: interface names and addresses, default route, name servers."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.findings import Finding
from shared.domain.guest import InterfaceFacts
from shared.domain.validation.view import View, expected, failure, names, not_compared, warning

VIRTUAL = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "tun", "ifb", "sit")
"""Beginnings of interface names that programs create; these interfaces come and go with the programs."""


def check_interfaces(view: View) -> Iterator[Finding]:
    """Check that interfaces have the same names and addresses. On Windows the driver chooses the name, so only addresses count.

    Only an address that ECS knows as the instance's own counts as lost. Floating addresses and those of containers do not.
    """
    if view.before.interfaces is None or view.after.interfaces is None:
        yield not_compared("InterfacesUnknown", "network interfaces")
        return
    before, after = _addresses(view.before.interfaces), _addresses(view.after.interfaces)
    every = set().union(*before.values())
    own = every & set(view.instance_before.private_ips) or every  # nothing known of it: all may be its own
    lost = every - set().union(*after.values())
    if lost & own:
        yield failure(
            "AddressLost", "An address is gone", names(lost & own), "Compare /etc/sysconfig/network-scripts with the snapshot's."
        )
    if lost - own:
        remedy = "See what brings it: a program of containers, or one that moves an address between machines."
        yield warning("OtherAddressLost", "An address that ECS does not know is gone", names(lost - own), remedy)
    renamed = [name for name in before if name not in after and before[name] & own]
    if renamed and not view.windows:
        now = names(after) or "none"
        yield failure(
            "InterfaceRenamed",
            "A network interface has another name or is gone",
            f"{names(renamed)} before; now {now}",
            "Pin the name, or adapt the configuration.",
        )


def _addresses(interfaces: tuple[InterfaceFacts, ...]) -> dict[str, set[str]]:
    return {i.name: {a.split("/")[0] for a in i.addresses} for i in interfaces if i.addresses and not i.name.startswith(VIRTUAL)}


def check_route(view: View) -> Iterator[Finding]:
    """Check that the default route leads to the same gateway."""
    before, after = view.before.default_route, view.after.default_route
    if before is None or after is None:
        yield not_compared("RouteUnknown", "the default route")
    elif before and not after:
        yield failure("RouteLost", "There is no default route", f"{before} before, none now", f"ip route add {before}")
    elif before != after:
        yield warning(
            "RouteChanged",
            "The default route changed",
            f"{before or 'none'} before, {after} now",
            "Make sure that the gateway is right.",
        )


def check_dns(view: View) -> Iterator[Finding]:
    """Check that name servers exist if there were any; report changed ones."""
    before, after = view.before.dns, view.after.dns
    if before is None or after is None:
        yield not_compared("DnsUnknown", "name servers")
    elif before and not after:
        yield failure("DnsLost", "There are no name servers", f"{names(before)} before, none now", "Restore /etc/resolv.conf.")
    elif set(before) != set(after):
        yield warning(
            "DnsChanged",
            "The name servers changed",
            f"{names(before) or 'none'} before, {names(after)} now",
            "Make sure that names resolve.",
        )


def check_firewall(view: View) -> Iterator[Finding]:
    """Check that a firewall that ran before runs now."""
    before, after = view.before.firewall, view.after.firewall
    if before and after is not None and before != after:
        if after:
            yield expected("FirewallReplaced", "Another firewall runs", f"{before} before, {after} now")
        else:
            yield failure(
                "FirewallOff", "The firewall is off", f"{before} before, none now", f"systemctl enable --now {before.split()[0]}"
            )
