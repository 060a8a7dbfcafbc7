"""What the reports say in words, a module a subject; beside them the templates of the web page's sections."""
