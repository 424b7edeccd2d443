"""The scenarios, by role and area, and the requirements that they exercise."""
