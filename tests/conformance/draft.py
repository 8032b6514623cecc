draft = 0
