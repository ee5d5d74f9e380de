"""Piece identification and position: recordings and sheets, whole or in part, among whole pieces."""
