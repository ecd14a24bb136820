"""The service people talk to: ADQL, engines, TAP, HTTP, command line."""
