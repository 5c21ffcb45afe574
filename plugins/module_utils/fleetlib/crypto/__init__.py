"""The edge to the `cryptography` library: keys, signing requests, signatures."""
