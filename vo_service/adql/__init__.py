"""ADQL 2.1: from the text of a query to a tree that engines print in their own SQL.

A closed language: what is not in the tree cannot reach an engine. The package knows no HTTP and
no database.
"""
