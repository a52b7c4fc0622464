"""How weights move without a loss."""
