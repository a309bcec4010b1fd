"""The application that goes into the image: read, fetched from git, named by its commit."""
