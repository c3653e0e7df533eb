"""What a job tells of itself: its log, its metrics, its record, its status."""
