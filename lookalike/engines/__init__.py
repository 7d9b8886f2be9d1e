"""The programs that run a backbone; only lookalike.embedder imports from here, when first used."""
