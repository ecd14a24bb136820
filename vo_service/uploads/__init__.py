"""Tables that come with a query: fetched or received, read in a process of their own, typed."""
