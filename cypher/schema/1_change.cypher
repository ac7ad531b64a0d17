// What a run found to have become of a ring is one node.
// parameters: none
CREATE CONSTRAINT change_key IF NOT EXISTS FOR (n:Change) REQUIRE n.key IS UNIQUE
