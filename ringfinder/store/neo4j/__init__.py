"""The graph in Neo4j: a `GraphStore` on a Community server."""

from ringfinder.store.neo4j.store import Neo4jStore

__all__ = ["Neo4jStore"]
