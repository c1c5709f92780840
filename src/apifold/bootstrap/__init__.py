"""The composition root: one module per assembly, the only place that names a vendor."""
