"""Our own parts of the page: small HTML, CSS and JavaScript that Streamlit mounts without a frame."""
