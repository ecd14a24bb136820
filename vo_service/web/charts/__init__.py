"""Drawings as numbers: where bars, ticks and cells are; templates write them as SVG."""
