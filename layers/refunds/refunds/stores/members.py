"""Memberships."""

from refunds import table
from refunds.members import Membership
from refunds.stores.dynamo import Dynamo, model_of


class MemberStore(Dynamo):
    def membership(self, subject: str) -> Membership | None:
        """Read consistently at each call: a revoked membership is gone at once."""
        item = self.get(table.member(subject))
        return model_of(Membership, item) if item else None

    def put_membership(self, subject: str, membership: Membership) -> None:
        self.put(table.member(subject), membership.model_dump(mode="json"))

    def delete_membership(self, subject: str) -> bool:
        return self.delete(table.member(subject))
