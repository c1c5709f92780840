"""What was done to the schema, in order. A migration never imports the tables: it means what it meant on its day."""
