"""`nbtools lint`: which rules hold where, and what becomes of what they find."""
