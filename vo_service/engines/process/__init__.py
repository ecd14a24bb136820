"""Queries in processes of their own, each one query at a time.

::

    service process                    host (one per service)     engine process
    ProcessProcessor -> EnginePool ---- orders ---> EngineHost --- fork ---> EngineServer
                `------------- socket: a request, then frames with rows -----------´

`frames` and `messages` are what is said on the socket; `host` forks and watches; `serving` runs in
the engine process; `launching`, `pool` and `processor` are the service's side, and import neither
the language nor a database.
"""
