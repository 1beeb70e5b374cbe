"""Values and pure functions on numpy arrays: no torch, no Qt, no file formats."""
