// Return the names of the constraints of the database.
// parameters: none
SHOW CONSTRAINTS YIELD name
RETURN collect(name) AS names
