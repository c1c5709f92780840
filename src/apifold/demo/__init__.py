"""A small, real, stateful HTTP API with its OpenAPI document, for trying the product and for its tests.

It knows nothing of the product: an API like any other, which happens to be in the same wheel.
"""
