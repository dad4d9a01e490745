"""Instant refunds (极速退款): the rules, and the few modules that connect them to AWS.

Rules know no AWS: they take the time and what they need stored as keyword arguments.
"""
