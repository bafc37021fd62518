"""Scores of counted or estimated information between codes and factors."""
