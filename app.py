"""The app: a photo in, five products out. Start it with: streamlit run app.py"""

from lookalike.web.app import main

main()
