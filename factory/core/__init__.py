"""The base that every process of the factory needs: configuration, errors, credentials, progress."""
