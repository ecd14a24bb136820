"""Jobs of the Universal Worker Service (UWS 1.1): phases, store, service, workers, routes.

The package knows nothing of what a job does: a `JobHandler` brings that.
"""
