# The keys page.
