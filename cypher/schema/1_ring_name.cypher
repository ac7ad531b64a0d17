// What a ring was ever called outlives it, for its lineage.
// parameters: none
CREATE CONSTRAINT ring_name_id IF NOT EXISTS FOR (n:RingName) REQUIRE n.id IS UNIQUE
