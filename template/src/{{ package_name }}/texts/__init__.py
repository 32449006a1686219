"""The sample domain: figures about a text. Replace it with your own."""
