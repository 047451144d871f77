"""Signatures and codecs: the only code here that must be exact to the byte."""
