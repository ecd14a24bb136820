"""What the data is: model, formats, ingestion, stores, TAP_SCHEMA."""
