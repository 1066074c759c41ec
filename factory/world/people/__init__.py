"""People who do not exist: heads of every shape and age, their skin, eyes, hair and clothes."""
