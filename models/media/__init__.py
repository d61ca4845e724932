"""Video files in: frames, sound, shots and words out."""
