"""The rules that a fleet's security is held to, one function each, and what an audit by them comes to."""
