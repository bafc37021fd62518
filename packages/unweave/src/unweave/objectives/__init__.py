"""Objectives: who descends which loss. One a file; all are registered."""
