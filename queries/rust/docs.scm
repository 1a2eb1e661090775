; Documentation stands before what it documents: the comments are found by language.toml.
