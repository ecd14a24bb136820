// Filled in by the query page.
