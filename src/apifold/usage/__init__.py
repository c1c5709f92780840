"""What calls use up: the journal of calls, their way into the database, rates and leased limits."""
