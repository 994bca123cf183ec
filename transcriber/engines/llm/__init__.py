"""Language models: one file for each interface they have, and what they share in `base`."""
