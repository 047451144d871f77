"""Checks that a migration belongs to the selection that its batch had at the acknowledgement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

from shared.domain.batch import AUTOMATIC_ROLLBACK_RISK, NOTHING_EXCLUDED, Batch, Selection
from shared.domain.catalog import CATALOG, Catalog
from shared.domain.codec import encode
from shared.domain.migration import Migration
from shared.domain.notice import is_wanted_release
from shared.domain.policy import Policy
from shared.domain.timing import CLOCKS_APART

CLOCKS_DIFFER = CLOCKS_APART
"""The tolerance for a difference between the clocks of two functions. Without the tolerance, a migration from before the
acknowledgement could seem newer than the acknowledgement.
"""


def selection_digest(selection: Selection) -> str:
    """A digest of a selection, 32 characters long. The acknowledgement records the digest, so a later change of the selection is
    noticed.

    Fields that a later version of Replank adds do not count, so that every version computes the same digest.
    """
    parts = [sorted(selection.regions), sorted(selection.instance_ids), sorted(selection.releases)]
    if selection.accounts:  # empty lists are left out, so that the digest is the same as in versions that did not know accounts
        parts.append(sorted(selection.accounts))
    # The criteria too are left out if they are empty, for the same reason.
    if selection.attribute_criteria or selection.exclude != NOTHING_EXCLUDED:
        excluded = selection.exclude
        of_each = [each for whom in (selection, excluded) for each in (whom.tags, whom.resource_groups, whom.vpcs, whom.names)]
        parts += [sorted(each) for each in (*of_each, excluded.instance_ids, excluded.releases)]
        parts.append(["filters"])  # the names of the fields keep a list of accounts apart from a list of tags
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def policy_digest(policy: Policy, selection: str) -> str:
    """A digest of the policy and selection that a person approves or acknowledges, 32 characters long.

    Fields with their default value do not count, so that a later version of Replank with more fields computes the same digest.
    """
    return hashlib.sha256(json.dumps([selection, _non_default_fields(policy)], sort_keys=True).encode()).hexdigest()[:32]


def _non_default_fields(policy: Policy) -> dict[str, object]:
    default = Policy()
    written = encode(policy)
    return {each.name: written[each.name] for each in fields(policy) if getattr(policy, each.name) != getattr(default, each.name)}


def may_roll_back_automatically(batch: Batch) -> bool:
    """Whether a person has acknowledged automatic rollback for exactly the batch's present policy and selection."""
    given = batch.acknowledgement
    if given is None or not batch.policy.automatic_rollback or AUTOMATIC_ROLLBACK_RISK not in given.text:
        return False
    return given.policy == policy_digest(batch.policy, selection_digest(batch.selection))


def why_not_selected(batch: Batch, migration: Migration, catalog: Catalog = CATALOG) -> str:
    """Why the batch's selection does not include the instance of a migration, in words; empty if it does. The migration must
    already have a route.
    """
    selection = batch.selection
    if migration.batch_id != batch.batch_id:
        return f"the migration belongs to batch {migration.batch_id}"
    if migration.account_id not in selection.account_ids:
        return f"the batch does not name account {migration.account_id or 'of the deployment'}"
    if migration.region_id not in selection.regions:
        return f"the batch does not name region {migration.region_id}"
    if selection.instance_ids and migration.instance_id not in selection.instance_ids:
        return "the batch names other instances"
    if migration.instance_id in selection.exclude.instance_ids:
        return "the batch excludes the instance"
    if selection.releases:
        source = catalog.releases.get(migration.hops[0].source)
        if source is None or not is_wanted_release(source, selection.releases):
            return f"the batch does not name {catalog.release_name(migration.hops[0].source)}"
    elif not selection.has_criteria:
        return "the batch names no instance"
    return ""


def why_not_acknowledged(batch: Batch, migration: Migration, catalog: Catalog = CATALOG) -> str:
    """Why the acknowledgement does not allow a migration, in words; empty if the acknowledgement allows the migration.

    An acknowledgement from an older version of Replank may lack a digest; a missing digest is not compared.
    """
    given = batch.acknowledgement
    if given is None or batch.dry_run:
        return "nobody has acknowledged the risks of the batch"
    if given.selection and given.selection != selection_digest(batch.selection):
        return "the batch selects other instances than those acknowledged"
    if given.instances and given.instances != batch.digest:
        return "the batch has other instances than those acknowledged"
    if migration.created_at > given.at + CLOCKS_DIFFER:
        return "the migration was added after the acknowledgement"
    return why_not_selected(batch, migration, catalog)
