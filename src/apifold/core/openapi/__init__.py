"""Bytes of an OpenAPI or Swagger document to `Operation` values, leniently, one operation at a time."""
