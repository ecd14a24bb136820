// Filled in by the plots.
