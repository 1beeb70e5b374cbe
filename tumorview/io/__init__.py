"""Readers and writers behind one registry; the only package that knows file formats."""
