"""Makes the OpenAPI 3.1 document from the table of routes and the type hints of the views."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

from shared.domain.choice import camel_case
from shared.domain.codec import description_of_class
from shared.runtime import requests
from shared.runtime.http_rules import VERSION
from shared.runtime.router import Route

Json = dict[str, Any]

ERROR: Json = {
    "type": "object",
    "description": "Every error of the API has this form. The meaning of a Code never changes.",
    "properties": {
        "Code": {"type": "string"},
        "Message": {"type": "string"},
        "RequestId": {"type": "string"},
        "Recommend": {"type": "string", "description": "What the caller can do about the error."},
    },
    "required": ["Code", "Message", "RequestId", "Recommend"],
    "additionalProperties": False,
}
TRIGGER_ERROR: Json = {
    "type": "object",
    "description": "A refusal by Function Compute's HTTP trigger, before the request reaches the API.",
    "properties": {"Code": {"type": "string"}, "Message": {"type": "string"}, "RequestId": {"type": "string"}},
    "required": ["Code", "Message"],
}
HELD: Json = {
    "X-Replank-Hold": {
        "description": "Every answer has this header while the account is on hold. The value is the reason, as a JSON text.",
        "required": False,
        "schema": {"type": "string"},
    }
}
TAG: Json = {
    "ETag": {"description": "Changes whenever the answer changes. Acts accept the tag in If-Match.", "schema": {"type": "string"}}
}
_ALWAYS = (400, 413, 415, 429, 500, 503)
_TRIGGERS = (400, 401, 403)
"""The HTTP statuses with which Function Compute's trigger may refuse a request, for example because the signature is wrong."""
_STATUSES = {
    400: "The request does not match its description. The message names the field.",
    401: "The signature or the operator's name is missing.",
    403: "The signature is wrong, or its owner may not call the API.",
    404: "The resource does not exist.",
    409: "The act is not possible in the current state.",
    412: "The resource has changed since the given version. The message says who changed it, and when.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    429: "The caller has sent too many requests. Retry-After says when the next request is allowed.",
    428: "The header If-Match is missing. It must name the version that the caller saw.",
    500: "An error in the pipeline or in its settings.",
    503: "The store or the bus does not answer. Try again later.",
}


def openapi_document(routes: tuple[Route, ...], operator_header: str, *, server: str = ".") -> Json:
    """The whole OpenAPI document, made from the routes.

    ``server`` is the base URL of the paths. A relative base URL works behind both the HTTP trigger and a gateway.
    """
    schemas: Json = {"Error": ERROR, "TriggerError": TRIGGER_ERROR}
    paths: Json = {}
    for route in routes:
        paths.setdefault(VERSION + route.path, {})[route.method.lower()] = _operation_object(route, operator_header, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Replank",
            "version": "1",
            "description": "Replaces the operating system under a fleet of ECS instances, step by step and reversibly.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server, "description": "The address from which this document was read."}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "acs3": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "ACS3-HMAC-SHA256 signature, checked by the HTTP trigger (authType function).",
                },
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Replank-Token",
                    "description": "An OpenID Connect token of the deployment's provider. It proves the caller's name.",
                },
            },
        },
        "security": [{"acs3": []}, {"acs3": [], "token": []}],
    }


def _operation_object(route: Route, operator_header: str, schemas: Json) -> Json:
    found: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": _parameter_objects(route, operator_header),
        "responses": _response_objects(route, schemas),
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(route.body)}}}
    return found


def _parameter_objects(route: Route, operator_header: str) -> list[Json]:
    found = [{"name": name, "in": "path", "required": True, "schema": requests.ID} for name in route.path_parameter_names]
    found += [{"name": name, "in": "query", "required": False, "schema": schema} for name, schema in route.query.items()]
    if route.act or route.personal:
        found.append(
            {
                "name": operator_header,
                "in": "header",
                "required": True,
                "schema": requests.OPERATOR,
                "description": "The unverified name of the person who acts, percent-encoded in UTF-8. Not needed with a token.",
            }
        )
    if route.on_version:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "schema": requests.IF_MATCH,
                "description": "The ETag of the resource that was seen, or its version in double quotes. The act is refused if the "
                "resource has changed its state since.",
            }
        )
    if route.method == "GET":
        found.append({"name": "If-None-Match", "in": "header", "required": False, "schema": requests.IF_NONE_MATCH})
    return found


def _response_objects(route: Route, schemas: Json) -> Json:
    content: Json = {"application/json": {"schema": schema_of_type(_answer_class(route), schemas)}}
    if route.csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    if route.html:
        content["text/html"] = {"schema": {"type": "string"}}
    reads = route.method == "GET"
    found: Json = {"200": {"description": "The request succeeded.", "headers": HELD | (TAG if reads else {}), "content": content}}
    if reads:
        found["304"] = {"description": "The caller already has this answer: If-None-Match names its ETag.", "headers": HELD | TAG}
    if route.created:
        found["201"] = {"description": "Created.", "headers": HELD, "content": content}
    for status in sorted({*_ALWAYS, *_TRIGGERS, *route.refusals, *((412, 428) if route.on_version else ())}):
        shape = _error_schema(*(["TriggerError"] if status in _TRIGGERS else []), *(["Error"] if status != 403 else []))
        found[str(status)] = {"description": _STATUSES[status], "content": {"application/json": {"schema": shape}}}
    return found


def _answer_class(route: Route) -> type:
    module, _, name = route.answer.partition(".")
    found: type = getattr(import_module(f"shared.stages.api.{module}"), name)
    return found


def _error_schema(*names: str) -> Json:
    found = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    return {"anyOf": found} if len(found) > 1 else found[0]


_SCALARS: dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
}


def schema_of_type(hint: Any, schemas: Json) -> Json:
    """The JSON Schema of a Python type in a view. For a dataclass, the schema is added to ``schemas``, and a reference to this
    schema is returned.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = next(each for each in args if each is not type(None))
        return {"anyOf": [schema_of_type(inner, schemas), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": schema_of_type(args[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of_type(args[1], schemas)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        return _add_view_schema(hint, schemas)
    return dict(_SCALARS[getattr(hint, "__supertype__", hint)])


def _add_view_schema(view: type, schemas: Json) -> Json:
    if view.__name__ not in schemas:
        schemas[view.__name__] = {}  # the name is reserved first, because the type's fields may refer to the type itself
        hints = get_type_hints(view)
        properties = {camel_case(each.name): schema_of_type(hints[each.name], schemas) for each in fields(view)}
        schemas[view.__name__] = {
            "type": "object",
            "description": description_of_class(view),
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{view.__name__}"}
