; none yet
