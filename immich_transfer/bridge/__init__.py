"""The server's own operations as a typed client: albums, assets, search, tags and the rest.

It stands beside upload and download: those move files and remember what they did, this asks and
tells, and remembers nothing.
"""
