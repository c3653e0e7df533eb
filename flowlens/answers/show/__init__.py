"""Everything about one address, network, ENI or port."""
