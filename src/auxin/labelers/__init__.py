"""Inputs to auxiliary targets."""
