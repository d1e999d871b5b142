"""Everything that knows Flask: the extension, the routes, who asks, what may be sent."""
