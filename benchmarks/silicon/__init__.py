"""What was measured on real chips, case by case, and what estimates it."""
