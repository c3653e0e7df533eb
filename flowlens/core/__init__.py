"""What every room stands on: errors, times, escaping, counts, atomic files, interrupts."""
