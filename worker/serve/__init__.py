"""HTTP: health and metrics for machines, pages and links for people."""
