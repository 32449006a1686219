"""Small services with the same resource as the sample of ours: a peer of each kind, and a floor."""
