"""The data model: fields, tables, products and who asks for them.

Nothing here does input or output; every record is immutable.
"""
