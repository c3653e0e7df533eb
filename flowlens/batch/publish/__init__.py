"""What is published of an interval, and how it is made."""
