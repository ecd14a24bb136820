"""Tables that users keep in schemas of their own."""
