"""Adapters of the `Upstream` port: our own HTTP/1.1 client, and aiohttp under the same contract.

Only the composition root imports this package.
"""
