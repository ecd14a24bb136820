"""Result writers: Arrow record batches to the bytes of a result document.

`base` holds the contract, `stream` the rows with their limit and their mid-stream failure,
`registry` the table of formats; each format has a module of its own.
"""
