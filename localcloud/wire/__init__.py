"""Signatures and codecs: the only code of localcloud that must be exact to the byte."""
