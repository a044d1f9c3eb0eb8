# The jobs page.
