"""How the fashion network is trained and judged: python -m training --help. The app never imports this package."""
