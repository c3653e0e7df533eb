"""How fast flowlens reads and how much memory it takes, beside what people use instead."""
