"""Protocols by which VO tools find data: cone search, images, links, and the registry's harvest."""
