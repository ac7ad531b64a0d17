// A label is kept once, however often it is given.
// parameters: none
CREATE CONSTRAINT label_key IF NOT EXISTS FOR (n:Label) REQUIRE n.key IS UNIQUE
