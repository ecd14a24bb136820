"""The product service over HTTP: products, files, columns and people, as `pzserver` asks."""
