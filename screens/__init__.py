"""The pages, each a module with show(), and under parts what they are drawn from."""
