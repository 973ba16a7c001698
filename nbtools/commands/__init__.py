"""The commands of `nbtools`, each in a module that is imported when it is called."""
