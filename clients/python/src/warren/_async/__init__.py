"""The asynchronous face. The build makes warren._sync of it, word by word (setup.py): write it so that it reads well without
`async` and `await`, and put what differs into transport.py, of which there are two by hand."""
