"""The edge to AWS: one function per API call, the client passed in, paging hidden, plain data returned."""
