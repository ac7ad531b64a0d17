// A decision is kept once, however often it is told.
// parameters: none
CREATE CONSTRAINT decision_key IF NOT EXISTS FOR (n:Decision) REQUIRE n.key IS UNIQUE
