"""Data subjects and what was done with their data: consents, activities, timelines, DIDs."""
