"""From a user's file to a published table: plan, checks, staging, the switch."""
