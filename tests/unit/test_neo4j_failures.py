"""What somebody is told whose Neo4j fails."""

import pytest
from neo4j import exceptions

from ringfinder.errors import StoreError, StoreUnavailable
from ringfinder.store.neo4j.failures import DISCONNECTED, told

AGAIN, NEVER = StoreUnavailable, StoreError
CODES = [
    ("ClientError.Security.Unauthorized", NEVER, "neo4j_password_file"),
    ("ClientError.Security.CredentialsExpired", NEVER, "changed once"),
    ("ClientError.Security.AuthenticationRateLimit", AGAIN, "after wrong passwords"),
    ("ClientError.Security.Forbidden", NEVER, "a role that may"),
    ("ClientError.General.ForbiddenOnReadOnlyDatabase", NEVER, "default_to_read_only=false"),
    ("ClientError.General.WriteOnReadOnlyAccessDatabase", NEVER, "default_to_read_only=false"),
    ("ClientError.Statement.AccessMode", NEVER, "read-only"),
    ("ClientError.Database.DatabaseNotFound", NEVER, "no database 'other'"),
    ("TransientError.General.MemoryPoolOutOfMemoryError", NEVER, "heap.max_size"),
    ("TransientError.General.TransactionOutOfMemoryError", NEVER, "heap.max_size"),
    ("ClientError.Transaction.TransactionTimedOut", AGAIN, "ended after 3 s"),
    ("ClientError.Transaction.TransactionTimedOutClientConfiguration", AGAIN, "too slow"),
    ("TransientError.Transaction.LockAcquisitionTimeout", AGAIN, "too slow"),
    ("TransientError.Transaction.DeadlockDetected", AGAIN, "busy"),
    ("TransientError.General.DatabaseUnavailable", AGAIN, "starting"),
    ("ClientError.Schema.ConstraintValidationFailed", AGAIN, "busy"),
    ("ClientError.Statement.SyntaxError", NEVER, "failed with Neo.ClientError.Statement"),
]


def say(error):
    """Return what the caller is told."""
    return told(error, "the Neo4j at bolt://here", database="other", seconds=3.0)


@pytest.mark.parametrize(("code", "kind", "words"), CODES)
def test_a_servers_refusal_becomes_a_sentence_that_says_what_to_do(code, kind, words):
    error = exceptions.Neo4jError._hydrate_neo4j(code=f"Neo.{code}", message="ann@example.org")
    found = say(error)
    assert type(found) is kind
    assert words in str(found)
    assert str(found).startswith("the Neo4j at bolt://here ")
    assert "ann@example.org" not in str(found)


@pytest.mark.parametrize("kind", DISCONNECTED)
def test_whoever_does_not_answer_may_be_asked_again(kind):
    found = say(kind("ann@example.org"))
    assert type(found) is StoreUnavailable
    assert "nothing is lost or doubled" in str(found)


def test_a_commit_whose_end_is_not_known_may_be_repeated():
    found = say(exceptions.IncompleteCommit("ann@example.org"))
    assert type(found) is StoreUnavailable
    assert "is not taken twice" in str(found)


def test_what_else_the_driver_raises_is_named_but_not_quoted():
    found = say(exceptions.ResultError("ann@example.org"))
    assert type(found) is StoreError
    assert str(found) == "the Neo4j at bolt://here failed: ResultError"


def test_a_server_that_is_silent_on_a_connection_that_stands_is_told_apart():
    error = exceptions.ServiceUnavailable("ann@example.org")
    error.__cause__ = TimeoutError("ann@example.org")
    found = say(error)
    assert type(found) is StoreUnavailable
    assert "says nothing" in str(found)
    assert "try again; nothing is lost or doubled" in str(found)
    assert "ann@example.org" not in str(found)
