"""Jobs of the Universal Worker Service: phases, store, service, executors."""
