"""Encoders and decoders, one family per file."""
