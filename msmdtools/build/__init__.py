"""Making a dataset: from a manifest and its sources to finished pieces in a dataset folder."""
