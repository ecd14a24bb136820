"""DALI: what all data access services of the VO share: parameters, limits, errors."""
