"""VO Support Interfaces: availability, capabilities and tables."""
