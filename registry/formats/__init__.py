"""File formats in both directions: readers to Arrow batches, writers from Arrow batches."""
