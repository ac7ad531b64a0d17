// What two rings share: values that mark both, or that members of both were seen with.
// parameters: one (string: a ring's id), other (string: a ring's id), most (integer = 1000: holders from which a value is left out), limit (integer = 50: rows)
MATCH (:Ring {id: $one})<-[:MEMBER_OF]-(a:Account)-[:SEEN_WITH]->(v:Value)
WITH v, count(DISTINCT a) AS in_one
WITH v, in_one, COUNT { (v)<-[:SEEN_WITH]-() } AS holders
WHERE holders <= $most AND holders > in_one
MATCH (v)<-[:SEEN_WITH]-(b:Account)-[:MEMBER_OF]->(:Ring {id: $other})
WITH v, in_one, holders, count(DISTINCT b) AS in_other
RETURN [name IN labels(v) WHERE NOT name IN ['Value', 'Outside']][0] AS kind, v.id AS pseudonym,
       in_one, in_other, holders
ORDER BY in_one * in_other * 1.0 / holders DESC, pseudonym
LIMIT $limit
