"""Who an address is: reverse DNS, lists, operators, places."""
