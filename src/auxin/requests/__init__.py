"""What a user requests of a verb: one model per verb, which is command line, manifest and recipe at once."""
