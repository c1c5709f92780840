"""One module per revision, `m` and its number first."""
