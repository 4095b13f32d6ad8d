"""Writers and readers of the file formats a Program can take, one file a format."""
