"""The routes: each says who may call it, asks the service, and names what it answers."""
