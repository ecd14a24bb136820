"""Maps of catalogues: how many rows where, and their mean redshift."""
