"""Measures with named definitions; plain numbers in, plain numbers out."""
