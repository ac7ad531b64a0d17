// A fleet's life line: sign-ups, closings and first and last uses of its members, day by day, the last first.
// parameters: ring (string: the ring's id), limit (integer = 400: days)
MATCH (a:Account)-[:MEMBER_OF]->(:Ring {id: $ring})
UNWIND [{what: 'signed up', ms: a.created_ms}, {what: 'closed', ms: a.closed_ms},
        {what: 'first used', ms: a.first_use_ms}, {what: 'last used', ms: a.last_use_ms}] AS event
WITH event WHERE event.ms IS NOT NULL
WITH date(datetime({epochMillis: event.ms})) AS day, event.what AS what
RETURN day, sum(CASE what WHEN 'signed up' THEN 1 ELSE 0 END) AS signed_up,
       sum(CASE what WHEN 'first used' THEN 1 ELSE 0 END) AS first_used,
       sum(CASE what WHEN 'last used' THEN 1 ELSE 0 END) AS last_used,
       sum(CASE what WHEN 'closed' THEN 1 ELSE 0 END) AS closed
ORDER BY day DESC
LIMIT $limit
