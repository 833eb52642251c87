"""The broker between carriers and internet platforms for recycled numbers."""
