"""Pages of the kernel: contacts, companies, tasks, people, settings, audit trail."""
