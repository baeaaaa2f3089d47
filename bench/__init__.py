"""Measures the product with a hundred thousand of everything on PostgreSQL; see docs/performance.md."""
