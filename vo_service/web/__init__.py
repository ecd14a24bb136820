"""The website: pages for people over the same services as API and TAP.

No rule and no query lives here: a page asks a service with the principal of its visitor, and
shows what it gets. Pages work without scripts; scripts only make them nicer.
"""
