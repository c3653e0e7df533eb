"""How well flowlens tells scanners from everybody else, beside the rules of other tools."""
