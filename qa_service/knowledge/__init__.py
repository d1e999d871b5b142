"""This package keeps the knowledge base: documents that belong to nobody's session, in PostgreSQL with pgvector."""
