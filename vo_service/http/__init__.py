"""What every route has in common: errors, answers, cross-origin rules, lost clients."""
