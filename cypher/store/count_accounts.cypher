// Count accounts, to tell an empty database from one that something else has filled.
// parameters: none
MATCH (a:Account) RETURN count(a) AS accounts
