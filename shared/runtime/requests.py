"""The schemas of the parameters and bodies that the API accepts."""

from __future__ import annotations

from typing import Any

from shared.domain.choice import camel_case
from shared.domain.commands import LONGEST_COMMAND, LONGEST_TAG, MOST_RULES
from shared.domain.drivers import driver_choices
from shared.domain.migration import State
from shared.domain.policy import (
    APPROVAL_CHOICES,
    BOUNDS,
    BY_TAG,
    DEFAULTS,
    LONGEST_CHECK,
    LONGEST_TAG_KEY,
    MOST_FILES,
    MOST_WINDOWS,
    ORDER,
    WORDS,
)
from shared.domain.selecting import MOST_IDS
from shared.domain.times import LONGEST_REASON, MOST_BLACKOUTS

Json = dict[str, Any]

ID: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "pattern": "^[A-Za-z0-9_-]{1,64}$",
    "title": "an id: letters, digits, _ and -",
}
INSTANCE_ID: Json = {
    "type": "string",
    "minLength": 3,
    "maxLength": 64,
    "pattern": "^i-[A-Za-z0-9-]{1,62}$",
    "title": "an instance id, such as i-bp1a2b3c",
}
ACCOUNT_ID: Json = {
    "type": "string",
    "minLength": 16,
    "maxLength": 16,
    "pattern": "^[0-9]{16}$",
    "title": "an account id of 16 digits",
}
REGION_ID: Json = {
    "type": "string",
    "minLength": 4,
    "maxLength": 40,
    "pattern": "^[a-z]{2}-[a-z0-9-]{1,37}$",
    "title": "a region id, such as cn-hangzhou",
}
RELEASE: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 80,
    "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._:()-]{0,79}$",
    "title": "a release, such as centos-7",
}
OPERATOR: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 768,
    "pattern": "^[A-Za-z0-9%][A-Za-z0-9%._@+'() -]*$",
    "title": "a name",
    "description": "A name of 1 to 64 characters. Characters outside ASCII are percent-encoded in UTF-8.",
}
DAY: Json = {
    "type": "string",
    "minLength": 10,
    "maxLength": 10,
    "pattern": "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$",
    "title": "a day, such as 2026-12-01",
}
NAME: Json = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]{1,64}$"}
"""The schema of a name in a query parameter. A name has no comma, because the HTTP trigger joins the values of a repeated
parameter with commas.
"""
PART_OF_CODE: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 80,
    "pattern": "^[A-Za-z0-9.]+$",
    "title": "a failure code or a part of one, such as Job.TimedOut",
}
PART_OF_TEXT: Json = {**NAME, "maxLength": 80, "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]{1,80}$"}
GROUP: Json = {**NAME, "maxLength": 260, "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]{1,260}$"}
TOKEN: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 2048,
    "pattern": "^[A-Za-z0-9._~+/=-]{1,2048}$",
    "title": "a token as an earlier answer gave it",
}
LIMIT: Json = {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
VERSION: Json = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "description": "The version that the caller saw."}
IF_MATCH: Json = {
    "type": "string",
    "minLength": 3,
    "maxLength": 28,
    "pattern": '^"[1-9][0-9]{0,8}(-[0-9a-f]{16})?"$',
    "title": 'a version in double quotes, such as "3"',
}
IF_NONE_MATCH: Json = {"type": "string"}
STATE: Json = {"type": "string", "enum": [state.value for state in State]}
CLOCK_TIME: Json = {
    "type": "string",
    "minLength": 5,
    "maxLength": 5,
    "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
    "title": "a time of day, such as 22:30",
}


def object_schema(properties: Json, required: tuple[str, ...] = (), **more: Any) -> Json:
    """The schema of an object with the given fields and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False, **more}


def list_schema(items: Json, most: int, least: int = 1) -> Json:
    """The schema of a list that has from ``least`` to ``most`` items."""
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


MIGRATION_ORDER: Json = {
    "type": "string",
    "enum": ["state", "-state", "name", "-name", "changed", "-changed"],
    "description": "By the name of the state, by the instance's name, or by the last change of state; with - in reverse. "
    "At most 1000 migrations can be sorted by name or change.",
}
YES_OR_NO: Json = {"type": "string", "enum": ["true", "false"]}
FLAG: Json = {"type": "boolean", "default": False}


def policy_number_schema(name: str) -> Json:
    """The schema of a numeric field of the policy. The bounds, the default and the description come from the policy model."""
    least, most = BOUNDS[name]
    default = {"default": DEFAULTS[name]} if DEFAULTS.get(name) is not None else {}
    return {"type": "integer", "minimum": least, "maximum": most, "description": WORDS[name], **default}


ZONE: Json = {
    "type": "string",
    "maxLength": 60,
    "pattern": "^([A-Za-z][A-Za-z0-9_+/-]*)?$",
    "title": "an IANA time zone, such as Europe/London",
}
_END: Json = {**CLOCK_TIME, "minLength": 0, "pattern": f"^({CLOCK_TIME['pattern'][1:-1]})?$"}
WINDOW = object_schema(
    {
        name: {**shape, "description": WORDS[f"window.{name}"]}
        for name, shape in {
            "start": CLOCK_TIME,
            "end": _END,
            "days": list_schema({"type": "integer", "minimum": 0, "maximum": 6}, 7),
            "zone": ZONE,
            "lengthMin": policy_number_schema("window.lengthMin"),
            "utcOffsetMin": policy_number_schema("window.utcOffsetMin"),
            "cutoffMin": policy_number_schema("window.cutoffMin"),
        }.items()
    },
    ("start",),
)
_MOMENT: Json = {
    "type": "string",
    "minLength": 10,
    "maxLength": 25,
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
    "title": "a day or a time, such as 2026-12-24 or 2026-12-24T18:00",
}
BLACKOUT = object_schema(
    {
        "from": {**_MOMENT, "description": WORDS["blackouts.from"]},
        "to": {**_MOMENT, "description": WORDS["blackouts.to"]},
        "reason": {
            "type": "string",
            "maxLength": LONGEST_REASON,
            "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
            "description": WORDS["blackouts.reason"],
        },
        "cutoffMin": policy_number_schema("blackouts.cutoffMin"),
    },
    ("from", "to"),
)
_FILES: Json = list_schema(
    {"type": "string", "minLength": 2, "maxLength": 255, "pattern": "^(/|[A-Za-z]:\\\\)[^\\x00-\\x1f]*$"}, MOST_FILES, 0
)
_CHECK: Json = {"type": "string", "maxLength": LONGEST_CHECK, "pattern": "^[^\\x00-\\x1f]*$"}
_COMMAND: Json = {"type": "string", "maxLength": LONGEST_COMMAND, "pattern": "^[^\\x00-\\x1f]*$"}
COMMAND_RULE = object_schema(
    {
        name: {**shape, "description": WORDS[f"commands.{name}"]}
        for name, shape in {
            "instances": list_schema(INSTANCE_ID, 1000, 0),
            "tag": {"type": "string", "maxLength": LONGEST_TAG, "pattern": "^([^=\\x00-\\x1f]+=[^\\x00-\\x1f]*)?$"},
            "pre": _COMMAND,
            "post": _COMMAND,
            "preTimeoutSec": policy_number_schema("commands.preTimeoutSec"),
            "postTimeoutSec": policy_number_schema("commands.postTimeoutSec"),
            "check": _CHECK,
            "files": _FILES,
        }.items()
    }
)
_SHAPES: Json = {
    "driver": {"type": "string", "enum": list(driver_choices()), "default": DEFAULTS["driver"]},
    "zone": ZONE,
    "window": WINDOW,
    "waves": list_schema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 4,
            "pattern": "^([1-9][0-9]{0,3}|[1-9][0-9]?%|x[2-9])$",
            "title": 'a size, such as "10" or "25%"; the last may be "x2"',
        },
        50,
        0,
    ),
    "order": {"type": "string", "maxLength": len(BY_TAG) + LONGEST_TAG_KEY, "pattern": ORDER, "default": ""},
    "gate": {"type": "string", "enum": ["automatic", "approval"], "default": DEFAULTS["gate"]},
    **{camel_case(name): {"type": "string", "enum": list(known), "default": known[0]} for name, known in APPROVAL_CHOICES.items()},
    "group": object_schema(
        {
            "tag": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_TAG_KEY,
                "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
                "description": WORDS["group.tag"],
            }
        },
        ("tag",),
    ),
    "windows": list_schema(WINDOW, MOST_WINDOWS, 0),
    "blackouts": list_schema(BLACKOUT, MOST_BLACKOUTS, 0),
    "overrides": {
        "type": "object",
        "propertyNames": {"type": "string", "minLength": 3, "maxLength": 80, "pattern": "^[A-Za-z0-9]+[.][A-Za-z0-9]+$"},
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": "^[^\\x00-\\x1f]*$"},
        "maxProperties": 50,
    },
    "files": _FILES,
    "check": _CHECK,
    "commands": list_schema(COMMAND_RULE, MOST_RULES, 0),
    "allowEndOfLife": FLAG,
    "allowListed": FLAG,
    "automaticRollback": FLAG,
}
"""The schemas of the policy's non-numeric fields. The schemas do not include the descriptions."""
POLICY = object_schema(
    {
        name: policy_number_schema(name) if name in BOUNDS else {**_SHAPES[name], "description": words}
        for name, words in WORDS.items()
        if "." not in name
    }
)
_TAGS = list_schema(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 2 * LONGEST_TAG_KEY + 1,
        "pattern": f"^[^=\\x00-\\x1f\\x7f-\\x9f]{{1,{LONGEST_TAG_KEY}}}(=[^\\x00-\\x1f\\x7f-\\x9f]{{0,{LONGEST_TAG_KEY}}})?$",
        "title": "a tag, such as env=prod, or its key alone",
    },
    20,
)
_NAME: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": 128,
    "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
    "title": "a name, such as web-*",
}
_NAMES = list_schema(_NAME, 50)


def _id_list_schema(prefix: str, what: str) -> Json:
    return list_schema(
        {
            "type": "string",
            "minLength": len(prefix) + 1,
            "maxLength": 64,
            "pattern": f"^{prefix}[A-Za-z0-9-]{{1,60}}$",
            "title": f"the id of {what}, such as {prefix}bp1a2b3c",
        },
        50,
    )


_SELECTING: Json = {
    "instanceIds": list_schema(INSTANCE_ID, MOST_IDS),
    "releases": list_schema({**RELEASE, "description": "Key or name of a release of the catalog."}, 50),
    "tags": _TAGS,
    "resourceGroupIds": _id_list_schema("rg-", "a resource group"),
    "vpcIds": _id_list_schema("vpc-", "a VPC"),
    "names": _NAMES,
}
SELECTING: dict[str, str] = {
    "instanceIds": "Instances by id.",
    "releases": "Instances that run one of these releases (key or name).",
    "tags": "Instances with all of these tags: key=value, or a key alone for any value.",
    "resourceGroupIds": "Instances in one of these resource groups.",
    "vpcIds": "Instances in one of these VPCs.",
    "names": "Instances whose name matches one of these patterns. * stands for any characters.",
}
"""The meaning of each criterion of a selection. An instance must meet all criteria that are given."""
_EXCLUDE = object_schema(
    _SELECTING,
    description="Leaves out instances that meet one of these criteria, and lists the reason. One of several tags is enough.",
)
BATCH = object_schema(
    {
        "clientToken": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
        "accountIds": {**list_schema(ACCOUNT_ID, 100), "description": "Default: the deployment's own account only."},
        "regionIds": list_schema(REGION_ID, 50),
        **{name: {**shape, "description": SELECTING[name]} for name, shape in _SELECTING.items()},
        "exclude": _EXCLUDE,
        "destination": RELEASE,
        "destinations": {
            "type": "object",
            "description": "Destination by instance id. It overrides destination.",
            "propertyNames": INSTANCE_ID,
            "additionalProperties": RELEASE,
            "maxProperties": 1000,
        },
        "dryRun": {**FLAG, "description": "Only plan and precheck; no instance migrates."},
        "policy": POLICY,
    },
    anyOf=[{"required": [name]} for name in _SELECTING],
)
PLAN: Json = {**BATCH, "properties": {name: shape for name, shape in BATCH["properties"].items() if name != "dryRun"}}
"""The schema of a submission that is planned but never carried out."""
ACKNOWLEDGEMENT = object_schema(
    {"risksVersion": {"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[0-9A-Za-z.-]{1,20}$"}}, ("risksVersion",)
)
MIGRATIONS_SEEN = object_schema(
    {"migrations": list_schema(object_schema({"migrationId": ID, "version": VERSION}, ("migrationId", "version")), 100)},
    ("migrations",),
)
WHY: Json = {"type": "string", "minLength": 1, "maxLength": 300, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"}
BRAKE = object_schema({"why": {**WHY, "description": "The reason. It is shown with the batch and kept in the batch's journal."}})
SET_POLICY = object_schema(
    {"policy": POLICY, "why": {**WHY, "description": "The reason. It is kept in the batch's journal with each changed field."}},
    ("policy",),
)
RESUME = object_schema(
    {
        "why": {**WHY, "description": "The reason why the batch may continue."},
        "failed": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**31 - 1,
            "description": "The number of counted failures that you saw.",
        },
    },
    ("why", "failed"),
)
SEEN: Json = {
    "type": "string",
    "minLength": 32,
    "maxLength": 32,
    "pattern": "^[0-9a-f]{32}$",
    "description": "The digest of policy and selection that you saw (approvals.seen of the batch).",
}
APPROVAL = object_schema(
    {
        "seen": SEEN,
        "wave": {
            "type": "integer",
            "minimum": 2,
            "maximum": 2**31 - 1,
            "description": "The wave to approve. Without it, the batch is approved.",
        },
        "why": {**WHY, "description": "The reason. It is kept in the batch's journal."},
    },
    ("seen",),
)
ROLLBACK_APPROVAL = object_schema(
    {"seen": SEEN, "why": {**WHY, "description": "The reason. It is kept in the batch's journal."}}, ("seen",)
)
HOLD = object_schema({"why": {**WHY, "description": "The reason for the hold. It is shown with every answer."}})
RELEASE_HOLD = object_schema(
    {
        "why": {**WHY, "description": "The reason why starts are safe again."},
        "version": {
            "type": "integer",
            "minimum": -1,
            "maximum": 2**31 - 1,
            "description": "The version of the hold that you saw.",
        },
    },
    ("why", "version"),
)
