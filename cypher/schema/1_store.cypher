// One node keeps what is known about the store itself; every writer locks it.
// parameters: none
CREATE CONSTRAINT store_name IF NOT EXISTS FOR (n:Store) REQUIRE n.name IS UNIQUE
