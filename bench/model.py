"""The least that a function which checks bodies starts with: the same client, and a model."""

from pydantic import BaseModel

from bench.client import CLIENT

__all__ = ["CLIENT", "Body"]


class Body(BaseModel):
    amount: int
