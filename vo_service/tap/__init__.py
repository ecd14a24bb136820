"""The TAP service: routes, page for people, examples, capabilities."""
