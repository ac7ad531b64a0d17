"""Hooks: what other services call when somebody signs up or pays, signed by them.

One module for each provider turns its payload into rows and our decision into its answer;
`signatures` says who sent it, `secrets` with what, `record` hands it on, `routes` mounts it.
"""
