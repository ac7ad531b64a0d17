// An attribute value is one node; it has the label of its kind as well.
// parameters: none
CREATE CONSTRAINT value_id IF NOT EXISTS FOR (n:Value) REQUIRE n.id IS UNIQUE
