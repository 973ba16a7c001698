"""The rules of `nbtools lint`: one file each, from a `Program` to findings."""
