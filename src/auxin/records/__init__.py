"""Result records: what every result file holds."""
