"""Reading and writing notebooks: Jupyter `.ipynb` and reactive `.py`."""
