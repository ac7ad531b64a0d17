"""The scoring API: an answer in milliseconds, nothing lost, reasons a person can read.

A request passes, outside in: `protocol` (who sends too slowly is cut off), `guard` (request
id, log, metrics, the last resort for errors), `access` (key, scope, limits; a route that does
not say who may call it cannot be made), then a route of 5-15 lines, which asks `service`.
`app.create_app` puts them together.
"""
