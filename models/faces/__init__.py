"""Faces: found, straightened, judged, put into numbers, followed, and compared."""
