"""Readers and writers behind one registry."""
