"""One training run: settings, building, training, measuring, and running many of them."""
