"""What is made of a day's records: rollups, the state of the detector, verdicts, relations."""
