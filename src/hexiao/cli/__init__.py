"""The commands a person types, one file for each group. They ask the engine as every door does; no rule lives here."""
