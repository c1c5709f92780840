"""A small, real, stateful HTTP API with its OpenAPI document, for trying the product and for its tests."""
