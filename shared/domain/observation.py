"""What the pipeline stores about an instance in one hop: the baseline before the job, and the guest after the job.

Each observation is a separate document, whose name contains the hop's number. Documents of earlier versions of Replank lack some
fields.
"""

from __future__ import annotations

from shared.domain.codec import DocumentInvalid, Json
from shared.domain.facts import InstanceFacts
from shared.domain.findings import Assessment
from shared.domain.guest import GuestFacts
from shared.domain.record import dataclass


def instance_document_name(hop: int) -> str:
    """The name of the document with the facts that ECS shows about the instance when the precheck begins."""
    return f"instance-{hop}"


def baseline_document_name(hop: int) -> str:
    """The name of the document with the facts from the precheck that passed. The validation compares the guest with the facts of
    the precheck.
    """
    return f"baseline-{hop}"


def validation_document_name(hop: int) -> str:
    """The name of the document with the facts and findings of the validation."""
    return f"after-{hop}"


@dataclass(frozen=True)
class Observation:
    """The stored facts and findings of one hop. A part that was not stored is None."""

    instance: InstanceFacts | None = None
    guest: GuestFacts | None = None
    assessment: Assessment | None = None

    def facts_of_instance_and_guest(self) -> tuple[InstanceFacts, GuestFacts]:
        """The facts about the instance and its guest. Raises DocumentInvalid if the facts about the instance or the guest were not
        stored.
        """
        if self.instance is None or self.guest is None:
            raise DocumentInvalid("baseline", f"has no {'instance' if self.instance is None else 'guest'}")
        return self.instance, self.guest

    def to_json(self) -> Json:
        """The JSON document that is stored; parts that are None are left out."""
        parts = {"instance": self.instance, "guest": self.guest, "assessment": self.assessment}
        return {name: part.to_json() for name, part in parts.items() if part is not None}

    @classmethod
    def from_json(cls, document: Json | None) -> Observation:
        """The observation in a stored JSON document. Raises DocumentInvalid with the name of the invalid field."""
        found = document or {}
        return cls(
            InstanceFacts.from_json(found["instance"]) if found.get("instance") is not None else None,
            GuestFacts.from_json(found["guest"]) if found.get("guest") is not None else None,
            Assessment.from_json(found["assessment"]) if found.get("assessment") is not None else None,
        )
