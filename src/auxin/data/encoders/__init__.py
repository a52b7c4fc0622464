"""How a user's columns and files become inputs, for the training rows and for rows that come later."""
