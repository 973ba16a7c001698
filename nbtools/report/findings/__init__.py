"""What lint found, in the formats that people and programs read: one module a format.

Each has a function `render(outcomes, style)` that gives the lines of the report.
"""
