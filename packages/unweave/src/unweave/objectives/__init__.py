"""Objectives: who descends which loss. One per file; all are registered."""
