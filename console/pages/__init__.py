"""One file per page: it asks the API, and hands the facts to a template."""
