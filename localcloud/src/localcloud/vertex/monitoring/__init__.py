"""JobService's model monitoring: jobs, their windows, their mail."""
