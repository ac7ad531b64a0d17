"""Where things lie in a data directory.

::

    DATA_DIR/
      events/        the event log: immutable segments and one manifest
      graph.duckdb   the embedded store, unless `store` names another
      store          the address of the store that took in the events last, if one was named
      pepper.json    which pepper the pseudonyms are made with; the key too, if made here
      journal/       what the API accepted and the log does not have yet
      snapshots/     what nightly runs found; `current` names the one in force
      run/           only what matters while the API runs: counts its workers share, policy, metrics
      store-rings/   only until a restore is finished: the rings that the store is to get back
      before-*/      what a restore found here
      neo4j/         the local Neo4j of `ringfinder neo4j`, a store: no backup holds it, no
                     restore moves it
      restore.json   only while a restore moves entries, or was killed then
      serve.lock     held by who serves the directory: one at a time
      in-use.lock    held by all who have the directory open, together; alone by who changes it all
      keys.sqlite  audit.log
"""

from __future__ import annotations

EVENTS = "events"
STORE = "store"
JOURNAL = "journal"
SNAPSHOTS = "snapshots"
RUN = "run"
POLICY = "policy.toml"
RATES = "rates"
STORE_RINGS = "store-rings"
LOCAL_NEO4J = "neo4j"
RESTORING = "restore.json"
SERVING = "serve.lock"
IN_USE = "in-use.lock"
