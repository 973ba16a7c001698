"""From a Jupyter notebook to a reactive one."""
