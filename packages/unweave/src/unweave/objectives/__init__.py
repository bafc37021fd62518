"""Objectives: which player descends which loss. One per file; all are registered."""
