"""The sample domain: notes. Replace it with your own."""
