"""What we believe of the server: the same asserts on the sandbox and on a live one."""
