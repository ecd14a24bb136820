"""Documents of the API: what is answered and what is sent, as types."""
