"""Image search: the maps of catalogues by place and other terms (SIA 2.0)."""
