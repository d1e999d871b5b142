"""Only this package knows Flask. It has the extension and the routes, tells callers apart, and reads their requests."""
