"""The product on this machine: a local AWS, the real template in it, a story played on it.

Never deployed. Everything here refuses an endpoint that is not this machine's own.
"""
