"""What is watched: one description of alarms and dashboard, which templates, pages and documents follow."""
