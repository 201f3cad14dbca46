"""What the machine says: one TOML file a language, and the object that hands sentences out."""
