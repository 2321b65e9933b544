"""Commands in, outcomes out: load → decide → guarded save, one transaction for all that is waiting."""
