"""A year in the life of a made-up plant, told through the product's own services."""
