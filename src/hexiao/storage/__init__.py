"""Two verbs for changes (load, save) and a few named queries. No rule lives here."""
