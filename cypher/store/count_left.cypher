// Count accounts, and tell whether one was seen with a value: what a store leaves that lost its node.
// parameters: none
MATCH (a:Account)
WITH count(a) AS accounts
RETURN accounts, EXISTS { (:Account)-[:SEEN_WITH]->(:Value) } AS seen
