# The playground.
