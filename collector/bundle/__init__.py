"""Telemetry out of the database as lines of OTLP JSON, and back in without loss: its part of a bundle.

Before: `dashboard.bundle` has chosen rows. After: any OTLP receiver reads the lines; `collector.files` gives back, by
`beside`, also what OTLP has no words for. Nothing is named here: the others read models, and `files` loads first.
"""
