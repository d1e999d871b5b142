"""A Django site whose people can ask."""
