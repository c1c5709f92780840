"""Who is calling: people and machines, the credentials they show, and what a shown credential is worth."""
