"""Where secrets are kept: sealed values that open only in the place they were sealed for, under keys that rotate."""
