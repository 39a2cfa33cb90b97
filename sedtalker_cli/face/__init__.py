"""Heads: topology, neutral shape, ARKit blendshapes, regions and identities."""
