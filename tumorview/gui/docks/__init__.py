"""The panels beside the image; each shows the session and reports what the user wants through signals."""
