"""A trained model on disk: its folder, card, predictor and exports."""
