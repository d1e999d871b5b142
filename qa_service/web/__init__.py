"""The part of the service that knows Flask: the extension, the routes, the callers, and what requests may bring."""
